import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'

interface Delivery {
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** Of the changes in it. */
  readonly seqs: readonly number[]
}

export interface Receiver {
  readonly url: string
  /** Every request, in the order in which they came. */
  readonly deliveries: readonly Delivery[]
  close(): Promise<void>
}

/** Answers a request; or does not, or breaks the connection. */
export type Answer = (response: ServerResponse, delivery: Delivery) => unknown

export const ok: Answer = (response) => response.end()

export function status(code: number, headers: Readonly<Record<string, string>> = {}, body = ''): Answer {
  return (response) => response.writeHead(code, headers).end(body)
}

/** A real server on 127.0.0.1: one answer after the other, the last one for all that follow. Ends with the test. */
export async function startReceiver(...answers: readonly Answer[]): Promise<Receiver> {
  const deliveries: Delivery[] = []
  const take = (body: string, headers: IncomingHttpHeaders, response: ServerResponse): void => {
    const { changes } = JSON.parse(body) as { readonly changes: readonly { readonly seq: number }[] }
    const delivery = { headers, body, seqs: changes.map(({ seq }) => seq) }
    deliveries.push(delivery)
    const answer = answers[Math.min(deliveries.length, answers.length) - 1] ?? ok
    answer(response, delivery)
  }
  const server = createServer((request, response) => {
    void text(request).then((body) => take(body, request.headers, response))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  onTestFinished(close)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=hidden`, deliveries, close }
}
