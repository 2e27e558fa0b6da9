import type { SinkChange, SinkContext } from '../../src/index.ts'

export interface TestChange extends SinkChange {
  readonly key: readonly [string]
}

/** What a consumer would hand over: a change, without a store behind it. */
export function changeOf(seq: number, key = 'k', value: unknown = seq): TestChange {
  return { seq, key: [key], toJSON: () => ({ seq, op: 'set', key: [key], path: undefined, value }) }
}

/** Changes `first` to `last`. */
export function changesOf(first: number, last: number): TestChange[] {
  return Array.from({ length: last - first + 1 }, (_, i) => changeOf(first + i))
}

export function contextOf(scope = 'log:1', signal: AbortSignal = new AbortController().signal): SinkContext {
  return { signal, idempotencyKey: ({ seq }) => `${scope}:${seq}` }
}
