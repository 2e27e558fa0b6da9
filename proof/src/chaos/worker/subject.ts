import type { DeleteResult, Tidemark, WritePolicy, WriteResult } from 'tidemark'
import type { ChaosValue } from '../payload.ts'

/** The part of a store that is put to the test; what a sabotage replaces. */
export interface Subject {
  get(key: string): Promise<ChaosValue | undefined>
  entry(
    key: string,
    isLinearizable: boolean,
  ): Promise<{ readonly value: ChaosValue; readonly version: number } | undefined>
  getMany(keys: readonly string[]): Promise<(key: string) => ChaosValue | undefined>
  set(key: string, value: ChaosValue, policy: WritePolicy): Promise<WriteResult>
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
    set: (key, value, writePolicy) => store.set(key, value, { writePolicy }),
    delete: (key, writePolicy) => store.delete(key, { writePolicy }),
    update: (key, fn, writePolicy) => store.update<ChaosValue>(key, fn, { writePolicy }),
    hits: () => store.tierStats().hits,
  }
}
