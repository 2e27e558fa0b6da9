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

/** The client of one instance, in all its lives. */
export class InstanceClient {
  readonly instance: number
  readonly latency: Latency = new Latency()
  readonly #connections: number
  #url: string
  #pool: Pool
  #isUp = true
  #life = 1

  constructor(instance: number, url: string, connections: number) {
    this.instance = instance
    this.#url = url
    this.#connections = connections
    this.#pool = poolOf(url, connections)
  }

  get url(): string {
    return this.#url
  }

  /** Whether there is somebody to send a request to. */
  get isUp(): boolean {
    return this.#isUp
  }

  /** Grows when the instance is killed: a request that began in an earlier life may never be answered. */
  get life(): number {
    return this.#life
  }

  /** The instance is about to be killed: to be called before, so that no request is sent to nobody. */
  left(): void {
    this.#isUp = false
    this.#life++
  }

  /** It was started anew. */
  async cameBack(url: string): Promise<void> {
    const before = this.#pool
    this.#url = url
    this.#pool = poolOf(url, this.#connections)
    this.#isUp = true
    await before.destroy()
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

function poolOf(url: string, connections: number): Pool {
  return new Pool(url, { connections, headersTimeout: 15_000, bodyTimeout: 15_000 })
}

function versionOf(etag: string | string[] | undefined): number {
  return typeof etag === 'string' ? Number(etag.slice(1, -1)) : 0
}
