import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open, type Tidemark } from 'tidemark'
import type { FrontStats } from '../../src/instance/tier-watch.ts'
import type { StalenessStats } from '../../src/instance/staleness.ts'
import { createApp } from '../../src/instance/app.ts'

/** One instance in this process, on a file of its own. */
export interface Api {
  readonly url: string
  readonly file: string
  readonly store: Tidemark
  /** What the instance blamed itself for. */
  readonly faults: unknown[]
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  close(): Promise<void>
}

/** Whatever an answer may hold; which of it, the test knows. */
interface Body {
  readonly name: string
  readonly population: number
  readonly places: readonly { readonly id: number }[]
  readonly error: { readonly code: string; readonly message: string }
  readonly requests: number
  readonly statuses: Readonly<Record<string, number>>
  readonly latencyMs: { readonly p50: number; readonly p99: number }
  readonly hitRatio: Readonly<Record<string, number>>
  readonly changes: unknown
  readonly stalenessMs: StalenessStats
  readonly front: FrontStats | null
  readonly heapMb: number
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Parsed; undefined when it is no JSON. */
  readonly body: Body
}

/** `redis`: of the shared front, if there is to be one. */
export async function startApi(redis?: { readonly url: string }): Promise<Api> {
  const dir = await mkdtemp(join(tmpdir(), 'tidemark-demo-'))
  const faults: unknown[] = []
  const file = join(dir, 'fleet.db')
  const store = await open({ file, redis, relay: redis !== undefined, log: false })
  const app = createApp({ store, instance: 1, hasFront: redis !== undefined, onError: (error) => faults.push(error) })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return {
    url,
    file,
    store,
    faults,
    async send(method, path, body, headers = {}) {
      const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
      const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
      const response = await fetch(`${url}${path}`, { method, headers: { ...type, ...headers }, ...sent })
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
      return {
        status: response.status,
        headers: response.headers,
        text,
        body: (isJson ? JSON.parse(text) : undefined) as Body,
      }
    },
    async close() {
      await app.close()
      await store.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

export const BERLIN = { name: 'Berlin', country: 'DE', population: 3_426_354, loc: { lat: 52.52437, lon: 13.41053 } }
export const BERN = { name: 'Bern', country: 'CH', population: 121_631, loc: { lat: 46.94809, lon: 7.44744 } }
