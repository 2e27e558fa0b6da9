import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'

interface Sent {
  readonly key: string
  /** Left out: the key is deleted. */
  readonly value?: unknown
}

/** A REST-like service: values by key, written with PATCH, each idempotency key once. */
export interface Service {
  readonly url: string
  readonly values: Map<string, unknown>
  /** The bodies that it has taken. */
  readonly taken: Sent[][]
  readonly tokens: string[]
  reads: number
  /** What it answers the next requests with, instead of doing anything; `lost`: it does it, and answers nothing. */
  readonly trouble: (number | 'lost')[]
  /** The status for a body that it refuses. */
  refuses: (sent: Sent) => boolean
}

export async function startService(): Promise<Service> {
  const service: Service = {
    url: '',
    values: new Map(),
    taken: [],
    tokens: [],
    reads: 0,
    trouble: [],
    refuses: () => false,
  }
  const server = createServer((request, response) => {
    void (async () => {
      const trouble = service.trouble.shift()
      if (typeof trouble === 'number') return void response.writeHead(trouble).end('trouble')
      if (request.method === 'GET') {
        service.reads++
        const value = service.values.get(decodeURIComponent(request.url!.slice('/values/'.length)))
        if (value === undefined) return void response.writeHead(404).end()
        return void response.end(JSON.stringify(value))
      }
      const sent = (await json(request)) as Sent[]
      if (sent.some((each) => service.refuses(each))) return void response.writeHead(422).end('refused')
      const token = String(request.headers['idempotency-key'])
      if (!service.tokens.includes(token)) {
        service.tokens.push(token)
        service.taken.push(sent)
        for (const { key, value } of sent) {
          if (value === undefined) service.values.delete(key)
          else service.values.set(key, value)
        }
      }
      if (trouble === 'lost') return void request.socket.destroy()
      response.end()
    })()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return Object.assign(service, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}
