import { type Entry, type Payload, type StoreKey, TidemarkError } from '@tidemark/core'
import type { Captured } from './basis.ts'

/** Errors after which it is certain that nothing was written. */
const CERTAIN: readonly unknown[] = ['CLOSED', 'CONFLICT', 'BUSY', 'READ_ONLY', 'DISK_FULL', 'UNENCODABLE']

/** Gets that the save of this number has stored what was captured, or was found to have. */
export type OnStored = (name: string, captured: Captured, number: number) => void

/** A save of which it is not known whether it was written. */
export interface Doubt {
  readonly number: number
  /** What it was to store, and by which keys. */
  readonly states: readonly (readonly [name: string, key: StoreKey, captured: Captured])[]
}

/**
 * By what is stored where the save in doubt would have written: whoever has written the very same there, it is no conflict.
 * @returns whether it was written
 */
export function settle({ number, states }: Doubt, found: readonly (Entry | undefined)[], onStored: OnStored): boolean {
  const written = states.filter(([, , { payload }], i) => isStored(found[i], payload))
  for (const [name, , captured] of written) onStored(name, captured, number)
  return written.length > 0
}

function isStored(entry: Entry | undefined, payload: Payload): boolean {
  try {
    return entry !== undefined && payload.isSameAs(entry.payload)
  } catch {
    // It cannot be read here: this process has not written it.
    return false
  }
}

/** Whether it is, that nothing was written. */
export function isCertain(error: unknown): boolean {
  return error instanceof TidemarkError && CERTAIN.includes(error.code)
}
