import { rangeOf, type RangeOptions } from '../keys/key-range.ts'
import type { KeyTuple } from '../keys/key.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { Back } from '../ports/back.ts'
import type { Entry } from '../ports/entry.ts'
import { type StoreEntry, toStoreEntry } from './entry-view.ts'

/** Entries per page: big enough to make the statement's cost vanish, small enough to keep the event loop free. */
const PAGE = 512

export interface ListOptions extends RangeOptions {
  /** From the last key to the first. @default false */
  readonly reverse?: boolean
  /** At most this many. @default no limit */
  readonly limit?: number
}

type Scannable = Pick<Back, 'scan'>

export async function* listKeys(back: Scannable, options?: ListOptions): AsyncIterableIterator<KeyTuple> {
  for await (const page of pages(back, options)) for (const entry of page) yield entry.key.tuple
}

export async function* listEntries<T>(back: Scannable, options?: ListOptions): AsyncIterableIterator<StoreEntry<T>> {
  for await (const page of pages(back, options)) for (const entry of page) yield toStoreEntry<T>(entry)
}

async function* pages(back: Scannable, options: ListOptions = {}): AsyncIterableIterator<readonly Entry[]> {
  const { reverse = false, limit = Infinity, ...bounds } = options
  const range = rangeOf(bounds)
  if (!(limit >= 0)) throw new RangeError(`limit must be a number of entries, not ${String(limit)}`)
  let left = limit
  let after: StoreKey | undefined
  while (left > 0) {
    const size = Math.min(PAGE, left)
    const { entries } = await back.scan(range, { after, limit: size, reverse })
    yield entries
    if (entries.length < size) return
    left -= entries.length
    after = entries.at(-1)?.key
  }
}
