import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { ConnectionPair } from './connection-pair.ts'
import { Hold } from './hold.ts'

/** Stands between one instance and the server: holds single commands or replies, and cuts the connections. */
export class RedisProxy {
  readonly #server: Server
  readonly #pairs = new Set<ConnectionPair>()
  readonly #holds = new Set<Hold>()
  readonly #allHolds: Hold[] = []
  readonly #passedReplies: Buffer[] = []
  #isCut = false

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(port: number): Promise<RedisProxy> {
    const server = createServer()
    const proxy = new RedisProxy(server)
    server.on('connection', (client) => {
      if (proxy.#isCut) return void client.destroy()
      const pair = new ConnectionPair(client, connect(port, '127.0.0.1'), proxy.#holds, (direction, bytes) => {
        if (direction === 'reply') proxy.#passedReplies.push(bytes)
      })
      proxy.#pairs.add(pair)
      client.once('close', () => proxy.#pairs.delete(pair))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Commands pass as text: a key that no other command contains picks the one that is meant. */
  hold(what: 'command' | 'reply', text: string): Hold {
    const hold = new Hold(what, text)
    this.#holds.add(hold)
    this.#allHolds.push(hold)
    return hold
  }

  /** Whether the server has sent this text to the instance. */
  hasPassed(text: string): boolean {
    return Buffer.concat(this.#passedReplies).includes(text)
  }

  /** All connections break, and no new one comes about until it is mended. */
  cut(): void {
    this.#isCut = true
    for (const pair of this.#pairs) pair.destroy()
  }

  mend(): void {
    this.#isCut = false
  }

  async close(): Promise<void> {
    for (const hold of this.#allHolds) hold.release()
    for (const pair of this.#pairs) pair.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
