// A connector to a REST-like service: GET /values/:key, and PATCH /values with all that a flush writes, where a write without a
// value deletes. What the service says of the writes themselves refuses them for good; after anything else the flush comes again:
// who has to log in anew, or to come later, has lost nothing.
import { type Connector, type ConnectorWrite, createJsonCodec, type FlushContext, type Query } from '../../src/index.ts'

/** Bad request, conflict, too large, not of this type, unprocessable. */
const REFUSALS: readonly number[] = [400, 409, 413, 415, 422]

const codec = createJsonCodec()

export class HttpConnector implements Connector {
  readonly id: string
  readonly #url: string

  constructor(url: string) {
    this.id = `http ${url}`
    this.#url = url
  }

  async connect(): Promise<void> {}
  async disconnect(): Promise<void> {}

  async read(
    queries: readonly Query[],
    { signal }: { signal?: AbortSignal | undefined } = {},
  ): Promise<readonly unknown[]> {
    return Promise.all(
      queries.map(async ({ key }) => {
        const response = await fetch(`${this.#url}/values/${encodeURIComponent(textOf(key))}`, {
          signal: signal ?? null,
        })
        if (response.status === 404) return undefined
        return codec.decode(new Uint8Array(await (await accepted(response)).arrayBuffer()))
      }),
    )
  }

  async write(writes: readonly ConnectorWrite[], { token, signal }: FlushContext): Promise<void> {
    const sent = writes.map(({ key, value }) => ({ key: textOf(key), ...(value !== undefined && { value }) }))
    const headers = { 'content-type': 'application/json', 'idempotency-key': token }
    const body = new TextDecoder().decode(codec.encode(sent))
    await accepted(await fetch(`${this.#url}/values`, { method: 'PATCH', headers, body, signal: signal ?? null }))
  }
}

async function accepted(response: Response): Promise<Response> {
  if (response.ok) return response
  const retryable = !REFUSALS.includes(response.status)
  throw Object.assign(new Error(`${response.status} ${await response.text()}`), { retryable })
}

/** `["order",1]`; also of a part that JSON does not know, a bigint say. */
function textOf(key: Query['key']): string {
  return new TextDecoder().decode(codec.encode(key))
}
