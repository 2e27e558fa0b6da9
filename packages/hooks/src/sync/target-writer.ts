import { type StoreKey, TidemarkError } from '@tidemark/core'
import { type Checkpoint, encodeCheckpoint } from './checkpoint.ts'
import type { Incoming } from './incoming.ts'
import { LocalChanges } from './local-changes.ts'
import { type Merge, type MergePlan, Overtaken } from './merge-plan.ts'
import { checkpointKey } from './sync-keys.ts'
import type { TenureOptions } from './tenure-options.ts'

/** How long a place that was reached without a commit stays unsaved. */
const SAVE_MS = 100

/** Brings a target forward: what is merged, and how far that is, in one commit each. */
export class TargetWriter {
  readonly #options: TenureOptions
  readonly #key: StoreKey
  readonly #merge: Merge
  readonly #local: LocalChanges
  #place: Checkpoint
  /** Where the sync has come to without anything to store. */
  #unsaved: Checkpoint | undefined
  #saving: Promise<void> | undefined
  #cancelSave: (() => void) | undefined

  constructor(options: TenureOptions, merge: Merge, place: Checkpoint) {
    this.#options = options
    this.#key = checkpointKey(options.name)
    this.#merge = merge
    this.#place = place
    this.#local = new LocalChanges(options.to.log, place.looked)
  }

  /** As of the last commit. */
  get place(): Checkpoint {
    return this.#place
  }

  /** From here on; the next commit stores it. */
  startAt(place: Checkpoint): void {
    this.#place = place
  }

  /** Commits what has come, and that it has come, at once. */
  async apply(items: readonly Incoming[], place: Checkpoint, count: number = items.length): Promise<void> {
    this.#assertInTime(items)
    // An older place must not come after a newer one.
    this.#unsaved = undefined
    await this.#saving
    await this.mergeLocal()
    const sweepUpTo = place.snapshot?.sweepUpTo
    for (;;) {
      try {
        await this.#commit(await this.#merge.plan(items, sweepUpTo), place)
        break
      } catch (error) {
        if (!(error instanceof Overtaken)) throw error
        // It may have been a deletion, which the entries do not tell of.
        await this.mergeLocal()
      }
    }
    this.#options.onTaken(count)
    this.#options.onState({ position: place.seq, error: undefined })
    // What was deleted between the look at the log and the commit was not known to it.
    await this.mergeLocal()
  }

  /** Takes in what the target has done by itself. */
  async mergeLocal(): Promise<void> {
    for (let isAtHead = false; !isAtHead;) {
      const { items, isAtHead: isLast } = await this.#local.next()
      isAtHead = isLast
      if (items.length > 0) await this.commitPlan(() => this.#merge.plan(items, undefined))
    }
  }

  /** Commits at the place that was reached; plans anew for as long as somebody else has written what a plan was made for. */
  async commitPlan(plan: () => Promise<MergePlan>): Promise<void> {
    for (;;) {
      try {
        return await this.#commit(await plan(), this.#place)
      } catch (error) {
        if (!(error instanceof Overtaken)) throw error
      }
    }
  }

  /** The place is told to those who stand by, and kept near the head of the source, whose log may be compacted. */
  saveSoon(place: Checkpoint): void {
    this.#unsaved = place
    this.#cancelSave ??= this.#options.clock.schedule(SAVE_MS, () => {
      this.#cancelSave = undefined
      this.#saving = this.#save()
    })
  }

  /** What is unsaved stays so. */
  stopSaving(): void {
    this.#unsaved = undefined
    this.#cancelSave?.()
    this.#cancelSave = undefined
  }

  async #save(): Promise<void> {
    const { to, lease } = this.#options
    const place = this.#unsaved
    if (place === undefined) return
    this.#unsaved = undefined
    try {
      await to.marks.write([{ key: this.#key, value: encodeCheckpoint(to.codec, place) }], { lease })
      this.#place = place
    } catch {
      // What is wrong is met, and told, by the next commit.
    }
  }

  /** @throws Overtaken: nothing was written, and another plan is needed */
  async #commit(plan: MergePlan, reached: Checkpoint): Promise<void> {
    const { to, lease, signal, onEvent, onConflicts } = this.#options
    signal.throwIfAborted()
    const place = { ...reached, looked: this.#local.position }
    const mark = { key: this.#key, value: encodeCheckpoint(to.codec, place) }
    const { changes } = await to.commit({
      reads: plan.reads,
      lease,
      keepLease: true,
      notBefore: plan.notBefore,
      decide: (current) => plan.decide(current),
      marks: (made) => [...plan.marks(made), mark],
    })
    plan.committed(changes)
    this.#local.skip(changes)
    this.#place = place
    for (const { item, error } of plan.failures) {
      onEvent({ kind: 'entry-failed', key: item.key.id, seq: item.version, error })
    }
    onConflicts(plan.conflicts)
  }

  /** @throws TidemarkError CLOCK_DRIFT */
  #assertInTime(items: readonly Incoming[]): void {
    const { conflict, clock } = this.#options
    if (conflict.policy !== 'lastWriter') return
    const latest = items.reduce((at, { source }) => Math.max(at, source.at), 0)
    const ahead = latest - clock.now()
    if (ahead <= conflict.maxDriftMs) return
    throw new TidemarkError(
      'CLOCK_DRIFT',
      `the source has dated a change ${Math.round(ahead)} ms ahead of this clock, and ${conflict.maxDriftMs} are allowed: set the clocks right`,
      { retryable: true },
    )
  }
}
