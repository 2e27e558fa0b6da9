import { TidemarkError } from '../../errors.ts'
import type { StoreKey } from '../../keys/store-key.ts'
import type { ReadOptions } from '../../ports/back.ts'
import type { Entry } from '../../ports/entry.ts'
import type { PartStore } from './part-store.ts'

/**
 * The entry at the key as readers see it, from the back tier: a front may be behind, and parts are read from there alone.
 */
export async function readSeen<R extends ReadOptions, W extends object>(
  { back, visibility }: PartStore<R, W>,
  key: StoreKey,
): Promise<Entry | undefined> {
  const linearizable = { consistency: 'linearizable' } as R
  return visibility.seeFound(key, await back.readOne(key, linearizable), linearizable)
}

/** The error of who began to read what is not there any more. */
export function replaced({ id }: StoreKey, what: 'log' | 'blob'): TidemarkError {
  const message = `the ${what} at ${id} was deleted or replaced while it was read; read it again`
  return new TidemarkError('REPLACED', message, { key: id, retryable: true })
}
