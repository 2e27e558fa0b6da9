import { type Connector, type ConnectorWrite, type FlushContext } from '../../../src/index.ts'

/** Values in a Map, with what it was asked. */
export class MapConnector<A = unknown> implements Connector<A> {
  readonly id: string
  readonly values = new Map<string, unknown>()
  readonly batches: (readonly ConnectorWrite<A>[])[] = []
  readonly contexts: FlushContext[] = []
  readonly calls: string[] = []
  reads = 0
  /** What the next writes fail with. */
  readonly failures: unknown[] = []

  constructor(id = 'map') {
    this.id = id
  }

  async connect(): Promise<void> {
    this.calls.push('connect')
  }

  async disconnect(): Promise<void> {
    this.calls.push('disconnect')
  }

  async read(queries: Parameters<Connector<A>['read']>[0]): Promise<readonly unknown[]> {
    this.reads += queries.length
    return queries.map(({ key }) => this.values.get(key.join('/')))
  }

  async write(writes: readonly ConnectorWrite<A>[], context: FlushContext): Promise<void> {
    if (this.failures.length > 0) throw this.failures.shift()
    this.batches.push(writes)
    this.contexts.push(context)
    for (const { key, value } of writes) {
      if (value === undefined) this.values.delete(key.join('/'))
      else this.values.set(key.join('/'), value)
    }
  }
}

/** Nothing is flushed by time, unless a test says so. */
export const PATIENT = { maxAgeMs: 600_000, onError: () => {} }

/** What a connector refuses for good. */
export const refused = (): Error => Object.assign(new Error('refused'), { retryable: false })

/** Lets everything happen that only waits for promises. */
export async function turns(count = 30): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}
