// A connector to a REST-like service: GET /values/:key, and PATCH /values with all that a flush writes. What the service refuses
// (4xx) is refused for good; when it fails or cannot be reached, the flush comes again.
import type { Connector, ConnectorWrite, FlushContext, Query } from '../../src/index.ts'

export class HttpConnector implements Connector {
  readonly id: string
  readonly #url: string

  constructor(url: string) {
    this.id = `http ${url}`
    this.#url = url
  }

  async connect(): Promise<void> {}
  async disconnect(): Promise<void> {}

  async read(queries: readonly Query[]): Promise<readonly unknown[]> {
    return Promise.all(
      queries.map(async ({ key }) => {
        const response = await fetch(`${this.#url}/values/${encodeURIComponent(JSON.stringify(key))}`, timeLimit())
        if (response.status === 404) return undefined
        return (await accepted(response)).json()
      }),
    )
  }

  async write(writes: readonly ConnectorWrite[], { token }: FlushContext): Promise<void> {
    const body = JSON.stringify(writes.map(({ key, value }) => ({ key: JSON.stringify(key), value: value ?? null })))
    const headers = { 'content-type': 'application/json', 'idempotency-key': token }
    await accepted(await fetch(`${this.#url}/values`, { method: 'PATCH', headers, body, ...timeLimit() }))
  }
}

/** A service that hangs is one that fails. */
function timeLimit(): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(10_000) }
}

async function accepted(response: Response): Promise<Response> {
  if (response.ok) return response
  const isRefused = response.status >= 400 && response.status < 500 && response.status !== 429
  throw Object.assign(new Error(`${response.status} ${await response.text()}`), { retryable: !isRefused })
}
