import { type Lease, type LogChange, type MarkWrite, TidemarkError } from '@tidemark/core'
import { toChanges } from '../logged-change.ts'
import { runAttempt } from './attempt.ts'
import { backoffMs } from './backoff.ts'
import { adviceOf } from './delivery-advice.ts'
import type { CallOutcome } from './call-handler.ts'
import type { ConsumerParts } from './consumer-parts.ts'
import type { Trying } from './lane-mark.ts'
import type { LaneStep } from './lane-reader.ts'
import type { LaneState } from './lane-state.ts'
import type { LaneWait } from './lane-wait.ts'
import { parkedWrite } from './parked-mark.ts'
import { parkedFull } from './parked-full.ts'
import type { ParkedKeys } from './parked-keys.ts'
import { textOf } from './text-of.ts'

export interface LaneWorkOptions {
  readonly lane: number
  readonly lease: Lease
  readonly state: LaneState
  readonly parked: ParkedKeys
  /** So many changes may be what the last owner did not survive. */
  readonly suspects: number
  readonly wait: LaneWait
  readonly interrupt: AbortSignal
  readonly onProcessed: (count: number) => void
}

const BEHIND = 'an earlier change of its key is parked'
const NO_VERDICT = 'its process ended, or was stopped, during the last attempt'

/**
 * Hands the changes of a lane to the handler. A batch is handed over as a whole, once, without being noted before:
 * what an owner had in hand that did not leave in good order, and what a batch failed with, is then tried change by
 * change, each attempt being noted before it begins, so that a change that ends its process is counted, too.
 */
export class LaneWork {
  readonly #parts: ConsumerParts
  readonly #options: LaneWorkOptions
  #suspects: number
  #trying: Trying | undefined
  /** What the change that was tried last has failed with, as long as this process has it: the mark holds only its text. */
  #failure: { readonly seq: number; readonly error: unknown } | undefined
  #halts = 0

  constructor(parts: ConsumerParts, options: LaneWorkOptions) {
    this.#parts = parts
    this.#options = options
    this.#suspects = options.suspects
    this.#trying = options.state.mark.trying
  }

  get options(): LaneWorkOptions {
    return this.#options
  }

  get suspects(): number {
    return this.#suspects
  }

  /** As far as it is known here: the first attempt is noted only when there is a second one. */
  get trying(): Trying | undefined {
    return this.#trying
  }

  /** Whether no other change can be parked. */
  get isFull(): boolean {
    return this.#options.parked.count >= this.#parts.options.maxParked
  }

  /** What was tried is to be tried as if for the first time. */
  forgive(): void {
    this.#trying = undefined
  }

  /** @returns false: it cannot go on from here; halted, or interrupted */
  async handle({ rows, through }: LaneStep): Promise<boolean> {
    if (this.#suspects === 0 && !rows.some(({ seq }) => seq === this.#trying?.seq) && this.#hasRoomFor(rows)) {
      const outcome = await this.#tryAll(rows, through)
      if (outcome !== 'failed') return outcome === 'done'
    }
    for (const [i, row] of rows.entries()) {
      if (!(await this.#tryOne(row, i === rows.length - 1 ? through : row))) return false
      if (this.#suspects > 0) this.#suspects--
    }
    return true
  }

  /** Stands still at a change, or because there is no place any more. */
  async halt(row: LogChange | undefined, error: unknown): Promise<void> {
    const { state, lane, lease } = this.#options
    const { clock } = this.#parts.options
    const halt = {
      id: `${lease.token}.${this.#halts++}`,
      seq: row?.seq,
      code: error instanceof TidemarkError ? error.code : undefined,
      message: textOf(error),
      at: clock.now(),
    }
    await state.store(state.next({ trying: this.#trying, halt }))
    this.#parts.emit({ kind: 'halted', lane, change: row && toChanges([row])[0], error })
  }

  async #tryAll(rows: readonly LogChange[], through: LogChange): Promise<CallOutcome['kind']> {
    const { lane } = this.#options
    const behind = rows.filter((row) => this.#isBehind(row))
    const free = behind.length === 0 ? rows : rows.filter((row) => !this.#isBehind(row))
    const outcome = await this.#attempt(free, through, 1, behind)
    if (outcome.kind !== 'failed') return outcome.kind
    const { error } = outcome
    const isOne = free.length === 1
    if (isOne) {
      this.#trying = { seq: free[0]!.seq, attempts: 1, error: textOf(error) }
      this.#failure = { seq: free[0]!.seq, error }
    }
    this.#parts.emit({ kind: 'attempt-failed', lane, changes: toChanges(free), attempt: isOne ? 1 : 0, error })
    return 'failed'
  }

  /** @returns false: halted, or interrupted */
  async #tryOne(row: LogChange, through: LogChange): Promise<boolean> {
    if (this.#isBehind(row)) return this.#parkOrHalt(row, through, 0, BEHIND)
    const { state, lane, wait } = this.#options
    const known = this.#trying?.seq === row.seq ? this.#trying : undefined
    let attempts = known?.attempts ?? 0
    let error: unknown = known && (known.error ?? NO_VERDICT)
    if (known !== undefined && this.#failure?.seq === row.seq) ({ error } = this.#failure)
    while (attempts < this.#parts.options.attempts && !adviceOf(error).isFinal) {
      if (attempts > 0) await wait.pause(Math.max(backoffMs(this.#parts.options, attempts), adviceOf(error).waitMs))
      if (wait.isEnding) return false
      this.#trying = { seq: row.seq, attempts: ++attempts }
      await state.store(state.next({ trying: this.#trying }))
      const outcome = await this.#attempt([row], through, attempts, [])
      if (outcome.kind === 'done') return true
      if (outcome.kind === 'interrupted') return false
      ;({ error } = outcome)
      this.#trying = { ...this.#trying, error: textOf(error) }
      this.#parts.emit({ kind: 'attempt-failed', lane, changes: toChanges([row]), attempt: attempts, error })
    }
    if (this.#parts.options.onFailure === 'halt') {
      await this.halt(row, error)
      return false
    }
    return this.#parkOrHalt(row, through, attempts, error)
  }

  async #attempt(
    rows: readonly LogChange[],
    through: LogChange,
    attempt: number,
    behind: readonly LogChange[],
  ): Promise<CallOutcome> {
    const { state, lane, lease, interrupt, parked, onProcessed } = this.#options
    const mark = state.after(through, { trying: undefined, parked: parked.count + behind.length })
    const marks = [state.write(mark), ...behind.map((row) => this.#parkedWrite(row, 0, BEHIND))]
    const { epoch } = state.mark
    const outcome = await runAttempt(this.#parts, { lane, lease, epoch, attempt, rows, marks, interrupt })
    if (outcome.kind !== 'done') return outcome
    state.stored(mark)
    this.#trying = undefined
    onProcessed(rows.length)
    for (const row of behind) this.#wasParked(row, 0, BEHIND)
    return outcome
  }

  /** @returns false: halted */
  async #parkOrHalt(row: LogChange, through: LogChange, attempts: number, error: unknown): Promise<boolean> {
    const { state, parked } = this.#options
    if (this.isFull) {
      await this.halt(row, parkedFull(this.#parts, this.#options.lane, error === BEHIND ? undefined : error))
      return false
    }
    const mark = state.after(through, { trying: undefined, parked: parked.count + 1 })
    await state.store(mark, this.#parkedWrite(row, attempts, error))
    this.#trying = undefined
    this.#wasParked(row, attempts, error)
    return true
  }

  #wasParked(row: LogChange, attempts: number, error: unknown): void {
    const { parked, lane } = this.#options
    parked.add(row)
    const change = toChanges([row])[0]!
    this.#parts.emit({ kind: 'parked', lane, change, attempts, behind: error === BEHIND, error })
  }

  /** Whether all of them can be parked that are behind others. */
  #hasRoomFor(rows: readonly LogChange[]): boolean {
    const { count } = this.#options.parked
    return count === 0 || count + rows.filter((row) => this.#isBehind(row)).length <= this.#parts.options.maxParked
  }

  #isBehind(row: LogChange): boolean {
    return this.#parts.options.onFailure === 'parkKey' && this.#options.parked.has(row)
  }

  #parkedWrite(row: LogChange, attempts: number, error: unknown): MarkWrite {
    const { back, name, options } = this.#parts
    const { lane, state } = this.#options
    const parking = {
      epoch: state.mark.epoch,
      attempts,
      error: textOf(error),
      behind: error === BEHIND,
      parkedAt: options.clock.now(),
    }
    return parkedWrite(back.codec, name, { lane, row, parking })
  }
}
