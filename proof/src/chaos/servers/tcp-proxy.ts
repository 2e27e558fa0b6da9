import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { Pipe } from './pipe.ts'

export type Direction = 'requests' | 'replies'

interface Connection {
  readonly client: Socket
  readonly server: Socket
  readonly pipes: Readonly<Record<Direction, Pipe>>
}

/** A way to a server that can be cut, clogged and led elsewhere. Connections that exist stay with the server they have. */
export class TcpProxy {
  readonly port: number
  /** Where new connections go; asked for each. */
  target: () => number
  readonly #connections = new Set<Connection>()
  readonly #held = new Set<Direction>()
  #delayMs = 0
  #listener: Server

  private constructor(listener: Server, port: number, target: () => number) {
    this.#listener = listener
    this.port = port
    this.target = target
    this.#serve()
  }

  static async start(target: () => number): Promise<TcpProxy> {
    const listener = createServer()
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const address = listener.address()
    if (address === null || typeof address === 'string') throw new Error('no port was given')
    return new TcpProxy(listener, address.port, target)
  }

  /** Breaks every connection; new ones are welcome. */
  cut(): void {
    for (const { client, server } of this.#connections) {
      client.resetAndDestroy()
      server.destroy()
    }
    this.#connections.clear()
  }

  /** Breaks every connection, and refuses new ones until {@link TcpProxy.accept}. */
  refuse(): void {
    this.#listener.close()
    this.cut()
  }

  async accept(): Promise<void> {
    if (this.#listener.listening) return
    this.#listener = createServer()
    this.#listener.listen(this.port, '127.0.0.1')
    await once(this.#listener, 'listening')
    this.#serve()
  }

  /** Nothing passes in this direction, on new connections neither; the connections stay. */
  hold(direction: Direction): void {
    this.#held.add(direction)
    for (const { pipes } of this.#connections) pipes[direction].hold()
  }

  /** What was held arrives, late. To lose it instead, cut before. */
  release(direction: Direction): void {
    this.#held.delete(direction)
    for (const { pipes } of this.#connections) pipes[direction].release()
  }

  /** Bytes arrive so much later, in both directions. */
  delay(delayMs: number): void {
    this.#delayMs = delayMs
    for (const { pipes } of this.#connections) setDelay(pipes, delayMs)
  }

  close(): void {
    this.refuse()
  }

  #serve(): void {
    this.#listener.on('connection', (client) => this.#join(client))
  }

  #join(client: Socket): void {
    const server = connect({ host: '127.0.0.1', port: this.target(), noDelay: true })
    client.setNoDelay(true)
    const pipes = { requests: new Pipe(client, server), replies: new Pipe(server, client) }
    setDelay(pipes, this.#delayMs)
    for (const direction of this.#held) pipes[direction].hold()
    const connection = { client, server, pipes }
    this.#connections.add(connection)
    const end = (): void => {
      this.#connections.delete(connection)
      client.destroy()
      server.destroy()
    }
    // What was sent before is still on its way, and arrives: with whatever delay, and although nobody waits for it.
    client.on('close', () => pipes.requests.whenEmpty(() => server.end()))
    server.on('close', end)
    // `close` follows; the other end hears of it as a closed connection, which is what a proxy can say.
    for (const socket of [client, server]) socket.on('error', () => undefined)
  }
}

function setDelay(pipes: Connection['pipes'], delayMs: number): void {
  pipes.requests.delayMs = delayMs
  pipes.replies.delayMs = delayMs
}
