import type { KeyRange } from '../keys/key-range.ts'
import type { StoreKey } from '../keys/store-key.ts'
import { compareBytes } from '../keys/tuple-order.ts'
import type { ScanOptions } from '../ports/back.ts'
import { type Entry, isExpired } from '../ports/entry.ts'
import { SortedList } from './sorted-list.ts'

/** The values of a memory store: by key, in key order, and those that will expire in the order of their time. */
export class MemoryEntries {
  readonly #byId = new Map<string, Entry>()
  readonly #keys = new SortedList<StoreKey>((a, b) => compareBytes(a.bytes, b.bytes))
  readonly #expiring = new SortedList<Entry>((a, b) => a.expiresAt! - b.expiresAt! || a.version - b.version)

  /** The entry, unless its time has come. */
  get(id: string, now: number): Entry | undefined {
    const entry = this.#byId.get(id)
    return entry === undefined || isExpired(entry, now) ? undefined : entry
  }

  put(entry: Entry): void {
    const { key } = entry
    const replaced = this.#byId.get(key.id)
    if (replaced === undefined) this.#keys.add(key)
    else if (replaced.expiresAt !== undefined) this.#expiring.delete(replaced)
    this.#byId.set(key.id, entry)
    if (entry.expiresAt !== undefined) this.#expiring.add(entry)
  }

  remove(key: StoreKey): void {
    const entry = this.#byId.get(key.id)
    if (entry === undefined) return
    this.#byId.delete(key.id)
    this.#keys.delete(key)
    if (entry.expiresAt !== undefined) this.#expiring.delete(entry)
  }

  scan(range: KeyRange, { after, limit, reverse }: ScanOptions, now: number): readonly Entry[] {
    const page: Entry[] = []
    for (const key of reverse ? this.#downFrom(range, after) : this.#upFrom(range, after)) {
      if (page.length >= limit) break
      const entry = this.get(key.id, now)
      if (entry !== undefined) page.push(entry)
    }
    return page
  }

  count(range: KeyRange, now: number): number {
    let count = 0
    for (const key of this.#upFrom(range, undefined)) if (this.get(key.id, now) !== undefined) count++
    return count
  }

  /** Up to `limit` entries whose time has come, the earliest first. */
  expired(now: number, limit: number): readonly Entry[] {
    const expired: Entry[] = []
    for (const entry of this.#expiring.ascend(() => false)) {
      if (expired.length >= limit || !isExpired(entry, now)) break
      expired.push(entry)
    }
    return expired
  }

  clear(): void {
    this.#byId.clear()
    this.#keys.clear()
    this.#expiring.clear()
  }

  *#upFrom({ start, end }: KeyRange, after: StoreKey | undefined): Generator<StoreKey, void, void> {
    const isBefore = ({ bytes }: StoreKey): boolean =>
      compareBytes(bytes, start) < 0 || (after !== undefined && compareBytes(bytes, after.bytes) <= 0)
    for (const key of this.#keys.ascend(isBefore)) {
      if (end !== undefined && compareBytes(key.bytes, end) >= 0) return
      yield key
    }
  }

  *#downFrom({ start, end }: KeyRange, after: StoreKey | undefined): Generator<StoreKey, void, void> {
    const isBefore = ({ bytes }: StoreKey): boolean =>
      (end === undefined || compareBytes(bytes, end) < 0) &&
      (after === undefined || compareBytes(bytes, after.bytes) < 0)
    for (const key of this.#keys.descend(isBefore)) {
      if (compareBytes(key.bytes, start) < 0) return
      yield key
    }
  }
}
