import type { Back, Lease, LogChange, MarkWrite } from '@tidemark/core'
import { checkOf } from '../check.ts'
import { type Halt, type LaneMark, laneMarkWrite, type LanePosition, type Trying } from './lane-mark.ts'

/** What is to be stored of a lane, beside its place. */
export interface LaneNews {
  readonly open?: number
  readonly trying?: Trying | undefined
  readonly halt?: Halt | undefined
  readonly parked?: number
  readonly owner?: string | undefined
  readonly notBefore?: number | undefined
}

export interface LaneStateOptions {
  readonly back: Pick<Back, 'marks' | 'codec'>
  readonly name: string
  readonly lane: number
  readonly lease: Lease
  readonly onMoved: () => void
}

/** Where a lane is: in the store, and how far it has come beyond that through what it does not want. */
export class LaneState {
  readonly #options: LaneStateOptions
  #stored: LaneMark
  /** undefined: where the store says. */
  #through: LogChange | undefined

  constructor(options: LaneStateOptions, stored: LaneMark) {
    this.#options = options
    this.#stored = stored
  }

  get mark(): LaneMark {
    return this.#stored
  }

  get seq(): number {
    return this.#through?.seq ?? this.#stored.seq
  }

  /** How much of its way is not stored yet. */
  get unstored(): number {
    return this.seq - this.#stored.seq
  }

  /** Everything up to this change is dealt with; that is stored with the next write. */
  pass(through: LogChange): void {
    this.#through = through
    this.#options.onMoved()
  }

  /** What there would be to store at this place. What the news do not name stays. */
  next(news: LaneNews, place: LanePosition = this.#place(this.#through)): LaneMark {
    return { ...this.#stored, ...news, epoch: place.epoch, seq: place.seq, check: place.check }
  }

  /** As `next`, right after a change. */
  after(through: LogChange, news: LaneNews = {}): LaneMark {
    return this.next(news, this.#place(through))
  }

  write(mark: LaneMark): MarkWrite {
    const { back, name, lane } = this.#options
    return laneMarkWrite(back.codec, name, lane, mark)
  }

  /** It is stored. */
  stored(mark: LaneMark): void {
    this.#stored = mark
    this.#through = undefined
    this.#options.onMoved()
  }

  /** @throws TidemarkError LEASE_LOST; what the back tier throws */
  async store(mark: LaneMark, ...others: MarkWrite[]): Promise<void> {
    const { back, lease } = this.#options
    await back.marks.write([this.write(mark), ...others], { lease })
    this.stored(mark)
  }

  #place(through: LogChange | undefined): LanePosition {
    const { epoch, seq, check } = this.#stored
    return through === undefined ? { epoch, seq, check } : { epoch, seq: through.seq, check: checkOf(through) }
  }
}
