import type { Entry, LogChange, MarkWrite, StoreKey, Write } from '@tidemark/core'
import type { Incoming } from './incoming.ts'
import type { SyncConflict } from './sync-conflict.ts'

/** Somebody has written what a plan was made for. Another plan is needed. */
export class Overtaken extends Error {}

/** What becomes of some incoming states. Decided within the transaction that stores it, perhaps more than once. */
export interface MergePlan {
  readonly reads: readonly StoreKey[]
  readonly notBefore: number
  /** @throws Overtaken */
  decide(current: readonly (Entry | undefined)[]): readonly Write[]
  marks(changes: readonly LogChange[]): readonly MarkWrite[]
  /** Of the last decision. */
  readonly conflicts: readonly SyncConflict[]
  readonly failures: readonly { readonly item: Incoming; readonly error: unknown }[]
  committed(changes: readonly LogChange[]): void
}

/** Entries that may be gone from the source. */
export interface Stale {
  readonly key: StoreKey
  readonly version: number
}

/** How the states of two stores become one. */
export interface Merge {
  /** @param sweepUpTo see SnapshotProgress */
  plan(items: readonly Incoming[], sweepUpTo: number | undefined): Promise<MergePlan>
  /** Those of the target's entries that this sync wrote, none later than `upTo`. */
  own(entries: readonly Entry[], upTo: number): Promise<readonly Stale[]>
  /** The removal of what is gone from the source, which holds nothing of it at `position`. */
  removal(stale: readonly Stale[], log: string, position: number): Promise<MergePlan>
}

/** Each key once. */
export function keysOf(items: readonly { readonly key: StoreKey }[]): readonly StoreKey[] {
  const keys = new Map<string, StoreKey>()
  for (const { key } of items) keys.set(key.id, key)
  return [...keys.values()]
}
