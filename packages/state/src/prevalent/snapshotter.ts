import { afterTurn, type Write } from '@tidemark/core'
import { recordKey, recordsOf } from '../journal/journal-keys.ts'
import type { WriterLease } from '../journal/writer-lease.ts'
import type { Snapshots, StateAt } from '../snapshot/snapshots.ts'
import type { ResolvedOptions } from './options.ts'

/** Journal records that are removed per commit. */
const BATCH = 200

export interface SnapshotterOptions {
  readonly options: ResolvedOptions
  readonly snapshots: Snapshots
  readonly lease: WriterLease
  /** Nobody else goes on with what he has begun, from now on. */
  readonly claim: () => Promise<void>
  /** The number of the last transaction in the newest snapshot. */
  readonly last: number
}

/** Takes snapshots, one at a time, and removes what of the journal is needed no more. */
export class Snapshotter {
  readonly #parts: SnapshotterOptions
  #last: number
  #underWay: Promise<void> | undefined

  constructor(parts: SnapshotterOptions) {
    this.#parts = parts
    this.#last = parts.last
  }

  /** A state has become durable. Takes a snapshot of it when that is due, in the background. */
  committed(state: StateAt): void {
    const { snapshotEvery, onError } = this.#parts.options
    if (snapshotEvery === 0 || this.#underWay !== undefined || state.number - this.#last < snapshotEvery) return
    void this.#begin(state).catch(onError)
  }

  /** @param state asked for when those that are under way are taken */
  async take(state: () => StateAt): Promise<void> {
    while (this.#underWay !== undefined) await this.idle()
    await this.#begin(state())
  }

  /** Resolves when none is under way; how it ended has been told to who wanted it. */
  async idle(): Promise<void> {
    await this.#underWay?.catch(() => undefined)
  }

  #begin(state: StateAt): Promise<void> {
    // Also when it fails: a full disk is asked again after as many transactions as are between two, not after each.
    this.#last = state.number
    this.#underWay = this.#take(state).finally(() => (this.#underWay = undefined))
    return this.#underWay
  }

  async #take(state: StateAt): Promise<void> {
    const { snapshots, lease, claim, options } = this.#parts
    // Callers who wait for this very commit are told first.
    await new Promise<void>((resolve) => afterTurn(resolve))
    await claim()
    const oldest = await snapshots.take(state, lease)
    if (options.keepJournal === 'needed') await this.#shorten(oldest)
  }

  /** The oldest first: what is left is always without a gap. */
  async #shorten(oldest: number): Promise<void> {
    const { lease, options } = this.#parts
    const { back, name } = options
    const range = { start: recordsOf(name).start, end: recordKey(name, oldest + 1).bytes }
    for (;;) {
      const { entries } = await back.scan(range, { after: undefined, limit: BATCH, reverse: false })
      if (entries.length === 0) return
      const writes = entries.map(({ key }): Write => ({ op: 'delete', key }))
      await lease.use((held) => back.commit({ reads: [], lease: held, keepLease: true, decide: () => writes }))
      await new Promise<void>((resolve) => afterTurn(resolve))
    }
  }
}
