import { type Clock, type Entry, type Fill, isExpired, type LogChange, markOf } from '@tidemark/core'
import type { SentChange, SentFill } from './commands.ts'

export interface Lifetimes {
  readonly clock: Clock
  readonly ttlMs: number
  readonly negativeTtlMs: number
}

export function sentChange(change: LogChange, install: boolean, lifetimes: Lifetimes): SentChange {
  const { key, seq, payload, expiresAt, meta, at } = change
  const bare: SentChange = { id: key.id, seq, mark: markOf(change), record: undefined }
  if (!install || payload === undefined) return bare
  const entry: Entry = { key, version: seq, payload, writtenAt: at, expiresAt, meta }
  const life = lifetimeOf(lifetimes, entry, Infinity)
  return life === undefined ? bare : { ...bare, record: { version: seq, entry, ...life } }
}

/** @returns undefined: its time has come already */
export function sentFill({ key, asOf, found }: Fill, lifetimes: Lifetimes): SentFill | undefined {
  const life = lifetimeOf(lifetimes, found.entry, found.until)
  if (life === undefined) return undefined
  // The version of a missing key is the head of the snapshot that missed it.
  return { id: key.id, asOf, record: { version: found.entry?.version ?? found.asOf, entry: found.entry, ...life } }
}

function lifetimeOf(
  { clock, ttlMs, negativeTtlMs }: Lifetimes,
  entry: Entry | undefined,
  bound: number,
): { readonly until: number; readonly px: number } | undefined {
  const now = clock.now()
  if (bound <= now || (entry !== undefined && isExpired(entry, now))) return undefined
  const until = Math.min(now + (entry === undefined ? negativeTtlMs : ttlMs), entry?.expiresAt ?? Infinity, bound)
  return { until, px: Math.max(1, Math.floor(until - now)) }
}
