import type { DeleteResult, Tidemark, WritePolicy, WriteResult } from 'tidemark'
import type { ChaosValue } from '../payload.ts'

/** So short that a worker that is stopped loses it, and that others need not wait long for one that was killed. */
const LEASE_MS = 1_000

/** The part of a store that is put to the test; what a sabotage replaces. */
export interface Subject {
  get(key: string): Promise<ChaosValue | undefined>
  entry(
    key: string,
    isLinearizable: boolean,
  ): Promise<{ readonly value: ChaosValue; readonly version: number } | undefined>
  getMany(keys: readonly string[]): Promise<(key: string) => ChaosValue | undefined>
  /** @param load gets what is absent, which is stored with these tags */
  getOrSet(
    key: string,
    load: () => Promise<ChaosValue | undefined>,
    options: { readonly tags: readonly string[]; readonly negativeTtlMs: number },
  ): Promise<ChaosValue | undefined>
  /** With the tags that the value tells, or these. */
  set(key: string, value: ChaosValue, policy: WritePolicy, tags?: readonly string[]): Promise<WriteResult>
  invalidateTag(tag: string): Promise<WriteResult>
  delete(key: string, policy: WritePolicy): Promise<DeleteResult>
  update(
    key: string,
    fn: (old: ChaosValue | undefined) => ChaosValue,
    policy: WritePolicy,
  ): Promise<WriteResult & { readonly old: ChaosValue | undefined }>
  /** Reads that each tier has answered, by its name. */
  hits(): Readonly<Record<string, number>>
}

export function subjectOf(store: Tidemark): Subject {
  return {
    get: (key) => store.get<ChaosValue>(key),
    entry: (key, isLinearizable) =>
      store.entry<ChaosValue>(key, isLinearizable ? { consistency: 'linearizable' } : undefined),
    async getMany(keys) {
      const found = await store.getMany<ChaosValue>(keys)
      return (key) => found.get(key)
    },
    getOrSet: (key, load, options) => store.getOrSet<ChaosValue>(key, load, { ...options, leaseMs: LEASE_MS }),
    set: (key, value, writePolicy, tags = value.tags) => store.set(key, value, { writePolicy, tags }),
    invalidateTag: (tag) => store.invalidateTag(tag),
    delete: (key, writePolicy) => store.delete(key, { writePolicy }),
    update: (key, fn, writePolicy) => store.update<ChaosValue>(key, fn, { writePolicy }),
    hits: () => store.tierStats().hits,
  }
}
