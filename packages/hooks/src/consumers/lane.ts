import { type Lease, type LogChange, subjectOf, TidemarkError } from '@tidemark/core'
import { backoffMs } from './backoff.ts'
import type { ConsumerParts } from './consumer-parts.ts'
import { doneTo, type LaneMark } from './lane-mark.ts'
import { laneOf } from './lane-hash.ts'
import type { LaneReader, LaneStep } from './lane-reader.ts'
import { answerRequests } from './lane-requests.ts'
import { LaneState } from './lane-state.ts'
import { LaneWait } from './lane-wait.ts'
import { LaneWork } from './lane-work.ts'
import { loadLane } from './load-lane.ts'
import { isPlaceLost, leaveLostPlace } from './lost-place.ts'
import { openLaneReader } from './open-lane-reader.ts'
import { isParkedFull } from './parked-full.ts'
import { PlaceKeeper } from './place-keeper.ts'
import { isEnd } from './registration.ts'

/** One lane of a consumer, for as long as this process holds it. It is the only one who writes the lane's mark. */
export class Lane {
  readonly index: number
  readonly lease: Lease
  readonly #parts: ConsumerParts
  readonly #wait: LaneWait
  readonly #place: PlaceKeeper
  readonly #interrupt = new AbortController()
  #state: LaneState | undefined
  #work: LaneWork | undefined
  #reader: LaneReader | undefined
  #isLost = false
  /** Somebody asks for something: see `answerRequests`. Also when it begins, since nobody was there to hear it. */
  #isAsked = true
  #troubles = 0
  /** The first change of the step that it is at; 0: of none. */
  #inHand = 0
  /** The end of its place in the log, which is to be dealt with. */
  #dead: TidemarkError | undefined
  processed = 0

  constructor(parts: ConsumerParts, index: number, lease: Lease) {
    this.#parts = parts
    this.index = index
    this.lease = lease
    this.#wait = new LaneWait(parts.options.clock)
    this.#place = new PlaceKeeper(parts.options.clock, () => this.#wait.poke())
  }

  /** What is known of it; undefined: not read yet. */
  get mark(): LaneMark | undefined {
    return this.#state?.next({ trying: this.#work?.trying })
  }

  /** Everything up to it is dealt with, or not wanted; undefined: not read yet. */
  get doneTo(): number | undefined {
    const state = this.#state
    return state && Math.max(state.seq, doneTo(state.mark), this.#inHand - 1)
  }

  /** How many changes it holds in memory. */
  get held(): number {
    return this.#reader?.held ?? 0
  }

  /** Works until it is to end. Never rejects. */
  async run(): Promise<void> {
    while (!this.#wait.isEnding) {
      try {
        await this.#follow()
      } catch (error) {
        await this.#recover(error)
      }
    }
    await this.#leave()
  }

  /** Finishes what is in hand, and leaves. */
  stop(): void {
    this.#wait.end()
  }

  /** Leaves what is in hand, too. */
  abandon(reason: unknown): void {
    this.#wait.end()
    this.#interrupt.abort(reason)
  }

  /** The lease is gone: nothing that is done from now on counts. */
  lose(): void {
    if (this.#isLost) return
    this.#isLost = true
    this.abandon(
      new TidemarkError('LEASE_LOST', `lane ${this.index} of consumer ${this.#parts.name} went to another process`),
    )
  }

  ask(): void {
    this.#isAsked = true
    this.#wait.poke()
  }

  async #follow(): Promise<void> {
    const state = await this.#load()
    const work = this.#work!
    const { options, back } = this.#parts
    if (this.#dead !== undefined) {
      const error = this.#dead
      this.#dead = undefined
      await leaveLostPlace(this.#parts, work, error)
    }
    await this.#standStill(work, state)
    if (this.#wait.isEnding) return
    const reader = await openLaneReader(this.#parts, state.mark, (row) => this.#isWanted(row))
    this.#reader = reader
    const open = Math.max(options.batch, work.suspects)
    if (state.mark.open !== open || state.mark.owner !== back.origin)
      await state.store(state.next({ open, owner: back.origin }))
    while (!this.#wait.isEnding) {
      await this.#answer(work)
      await this.#place.storeIfDue(state)
      const limit = work.suspects > 0 ? 1 : options.batch
      const step = await this.#wait.during((signal) => reader.next(limit, signal))
      if (step === undefined) continue
      if (step.rows.length === 0) state.pass(step.through)
      else if (!(await this.#handle(work, step))) return
      this.#troubles = 0
    }
  }

  async #load(): Promise<LaneState> {
    const { back, name, emit, progress } = this.#parts
    const { index: lane, lease } = this
    const isFirst = this.#state === undefined
    const { mark, parked } = await loadLane(this.#parts, lane)
    const suspects = this.#work?.suspects ?? mark.open
    const state = new LaneState({ back, name, lane, lease, onMoved: () => progress.moved() }, mark)
    this.#state = state
    this.#work = new LaneWork(this.#parts, {
      lane,
      lease,
      state,
      parked,
      suspects,
      wait: this.#wait,
      interrupt: this.#interrupt.signal,
      onProcessed: (count) => (this.processed += count),
    })
    if (isFirst) emit({ kind: 'lane-acquired', lane })
    return state
  }

  /** For as long as it is halted. */
  async #standStill(work: LaneWork, state: LaneState): Promise<void> {
    const { origin: owner } = this.#parts.back
    if (state.mark.halt !== undefined && state.mark.owner !== owner) await state.store(state.next({ owner }))
    while (state.mark.halt !== undefined && !this.#wait.isEnding) {
      await this.#answer(work)
      if (isParkedFull(state.mark.halt) && !work.isFull) await this.#goOn(work, state)
      else if (state.mark.halt !== undefined) await this.#wait.poked()
    }
  }

  /** What it stood still for is over. */
  async #goOn(work: LaneWork, state: LaneState): Promise<void> {
    await state.store(state.next({ halt: undefined, trying: undefined }))
    work.forgive()
    this.#parts.emit({ kind: 'lane-resumed', lane: this.index })
  }

  async #handle(work: LaneWork, step: LaneStep): Promise<boolean> {
    this.#inHand = step.rows[0]!.seq
    this.#parts.progress.moved()
    try {
      return await work.handle(step)
    } finally {
      this.#inHand = 0
    }
  }

  #isWanted(row: LogChange): boolean {
    const { isWanted, lanes } = this.#parts.options
    const { notBefore } = this.#state!.mark
    if (notBefore !== undefined && row.at < notBefore) return false
    return isWanted(row) && (lanes === 1 || laneOf(subjectOf(row.key), lanes) === this.index)
  }

  async #answer(work: LaneWork): Promise<void> {
    if (!this.#isAsked) return
    this.#isAsked = false
    await answerRequests(this.#parts, this.index, work)
  }

  async #recover(error: unknown): Promise<void> {
    if (this.#wait.isEnding) return
    const code = error instanceof TidemarkError ? error.code : undefined
    if (code === 'LEASE_LOST') return this.lose()
    if (isEnd(error)) {
      this.stop()
      return this.#parts.end(error)
    }
    if (isPlaceLost(error)) {
      this.#dead = error
      return
    }
    this.#parts.emit({ kind: 'trouble', lane: this.index, error })
    await this.#wait.pause(backoffMs(this.#parts.options, ++this.#troubles))
  }

  async #leave(): Promise<void> {
    this.#place.stop()
    this.#reader = undefined
    const { back, emit } = this.#parts
    if (!this.#isLost) {
      try {
        await this.#storeEnd()
        await back.leases.release(this.lease)
      } catch (error) {
        // Its lease runs out, and its mark is where it was.
        if (!(error instanceof TidemarkError) || (error.code !== 'CLOSED' && error.code !== 'LEASE_LOST'))
          emit({ kind: 'trouble', lane: this.index, error })
      }
    }
    emit({ kind: this.#isLost ? 'lane-lost' : 'lane-released', lane: this.index })
  }

  async #storeEnd(): Promise<void> {
    const state = this.#state
    if (state === undefined) return
    // A handler that was not waited for may still be at it, or an earlier owner's change is still ahead: whoever comes
    // next goes carefully.
    const open = this.#interrupt.signal.aborted ? state.mark.open : this.#work!.suspects
    const trying = this.#work?.trying
    const { mark, unstored } = state
    if (open !== mark.open || trying !== mark.trying || mark.owner !== undefined || unstored > 0)
      await state.store(state.next({ open, trying, owner: undefined }))
  }
}
