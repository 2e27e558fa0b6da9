import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** An address of 127.0.0.1 whose server may change. Connections that exist stay with the server that they have. */
export interface SwitchedRelay extends AsyncDisposable {
  readonly url: string
  /** Where new connections go. */
  target: number
  /** From now on requests go nowhere, on the connections that exist; those that come later are not concerned. */
  swallow(): void
  /** Breaks every connection; new ones are welcome. */
  cut(): void
  close(): Promise<void>
}

/** @param target the port where connections go first */
export async function startRelay(target: number): Promise<SwitchedRelay> {
  const pairs = new Set<readonly [client: Socket, server: Socket]>()
  const listener = createServer((client) => {
    const server = connect({ host: '127.0.0.1', port: relay.target, noDelay: true })
    client.setNoDelay(true)
    client.pipe(server).pipe(client)
    const pair = [client, server] as const
    pairs.add(pair)
    const end = (): void => {
      pairs.delete(pair)
      for (const socket of pair) socket.destroy()
    }
    for (const socket of pair) socket.on('error', () => {}).on('close', end)
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const cut = (): void => {
    for (const [client, server] of pairs) {
      client.destroy()
      server.destroy()
    }
  }
  const relay: SwitchedRelay = {
    url: `redis://127.0.0.1:${(listener.address() as AddressInfo).port}/0`,
    target,
    cut,
    swallow() {
      for (const [client, server] of pairs) {
        client.unpipe(server)
        client.resume()
      }
    },
    async close() {
      const closed = once(listener, 'close')
      listener.close()
      cut()
      await closed
    },
    [Symbol.asyncDispose]: () => relay.close(),
  }
  return relay
}
