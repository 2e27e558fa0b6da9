import { type Dispatcher, Pool } from 'undici'
import { Latency } from './latency.ts'

/** What an instance answered about a place. */
export interface Reply {
  readonly status: number
  /** Of the ETag; 0 when there is none. */
  readonly version: number
  /** Parsed; undefined when there is none. */
  readonly body: Record<string, unknown> | undefined
}

type Method = 'GET' | 'PUT' | 'PATCH' | 'DELETE'

/** The client of one instance. */
export class InstanceClient {
  readonly instance: number
  readonly url: string
  readonly latency: Latency = new Latency()
  readonly #pool: Pool

  constructor(instance: number, url: string, connections: number) {
    this.instance = instance
    this.url = url
    this.#pool = new Pool(url, { connections, headersTimeout: 15_000, bodyTimeout: 15_000 })
  }

  /** @throws what undici throws when there is no answer. */
  async request(
    method: Method,
    id: number,
    options: { body?: object; headers?: Record<string, string> } = {},
  ): Promise<Reply> {
    const { body, headers = {} } = options
    const request: Dispatcher.RequestOptions = { method, path: `/places/${id}`, headers }
    if (body !== undefined) {
      request.body = JSON.stringify(body)
      request.headers = { ...headers, 'content-type': 'application/json' }
    }
    const sentAt = performance.now()
    const answer = await this.#pool.request(request)
    const text = await answer.body.text()
    this.latency.record(performance.now() - sentAt, method !== 'GET')
    return {
      status: answer.statusCode,
      version: versionOf(answer.headers['etag']),
      body: text === '' ? undefined : JSON.parse(text),
    }
  }

  close(): Promise<void> {
    return this.#pool.destroy()
  }
}

function versionOf(etag: string | string[] | undefined): number {
  return typeof etag === 'string' ? Number(etag.slice(1, -1)) : 0
}
