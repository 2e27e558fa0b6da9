import { type KeyRange, prefixRange, reservedKey, StoreKey } from '@tidemark/core'

// Parts of stored keys: never change them. Journals are entries of the user's; the rest is the store's own.
const JOURNAL = 'journal'
const STATE = 'state'
const WRITER = 'writer'
const HEAD = 'journal-head'
const SNAPSHOT = 'snapshot'
const PART = 'snapshot-part'
const UNCLEAN = 'snapshot-unclean'

/** Of the record whose first transaction has this number. */
export function recordKey(name: string, first: number): StoreKey {
  return StoreKey.of([name, JOURNAL, first])
}

export function recordsOf(name: string): KeyRange {
  return prefixRange([name, JOURNAL])
}

/** Where what could not be read as a part of the journal is put aside. */
export function droppedKey(name: string, at: number, first: number): StoreKey {
  return StoreKey.of([name, 'dropped', at, first])
}

/** Where a snapshot was put aside, and its parts. */
export function droppedSnapshotKey(name: string, at: number, number: number, part?: number): StoreKey {
  return StoreKey.of([name, 'dropped', at, SNAPSHOT, number, ...(part === undefined ? [] : [part])])
}

/** Names the lease of who writes. */
export function writerKey(name: string): StoreKey {
  return reservedKey(STATE, WRITER, name)
}

/** Says who has changed the journal last. */
export function headKey(name: string): StoreKey {
  return reservedKey(STATE, HEAD, name)
}

export function snapshotKey(name: string, number: number): StoreKey {
  return reservedKey(STATE, SNAPSHOT, name, number)
}

export function snapshotsOf(name: string): KeyRange {
  return prefixRange(reservedKey(STATE, SNAPSHOT, name).tuple)
}

export function partKey(name: string, number: number, part: number): StoreKey {
  return reservedKey(STATE, PART, name, number, part)
}

export function partsOf(name: string, number?: number): KeyRange {
  return prefixRange(reservedKey(STATE, PART, name, ...(number === undefined ? [] : [number])).tuple)
}

/** Says that there may be parts of which there is no head. */
export function uncleanKey(name: string): StoreKey {
  return reservedKey(STATE, UNCLEAN, name)
}
