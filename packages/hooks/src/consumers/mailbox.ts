import { assertKnown, oneOf, type StoreKey, userKey, wholeAtLeast } from '@tidemark/core'
import type { ParkedSelection, ReplayResult } from './consumer.ts'
import { parkedKey, parkedOf, requestKey } from './consumer-keys.ts'
import type { ConsumerParts } from './consumer-parts.ts'
import { laneOf } from './lane-hash.ts'
import { readLaneMarks } from './lane-mark.ts'
import type { LaneRequest } from './lane-requests.ts'
import { decodeParked, type Parked } from './parked-mark.ts'
import { encodeRecord } from './record.ts'
import { assertNotBack, type ResumeFrom } from './resume-place.ts'
import { scanMarks } from './scan-marks.ts'

export interface MailboxOptions {
  readonly pollMs: number
  /** Something was asked for, perhaps of a lane of this process. */
  readonly posted: () => void
  /** @throws ClosedError */
  readonly assertOpen: () => void
}

/** So many parked changes are asked for at a time. */
const PAGE = 200

/** Asks the owners of lanes, whichever processes they are in, and waits until they have answered. */
export class Mailbox {
  readonly #parts: ConsumerParts
  readonly #options: MailboxOptions

  constructor(parts: ConsumerParts, options: MailboxOptions) {
    this.#parts = parts
    this.#options = options
  }

  async *parked(selection: ParkedSelection): AsyncGenerator<Parked, undefined> {
    assertKnown(selection, ['key', 'seq'], 'the selection')
    const { back, name, options } = this.#parts
    const { seq } = selection
    if (seq !== undefined) wholeAtLeast('seq', seq, 1)
    const key = selection.key === undefined ? undefined : userKey(selection.key)
    const lane = key && laneOf(key, options.lanes)
    for await (const mark of scanMarks(back.marks, parkedOf(name, lane))) {
      const parked = decodeParked(back.codec, mark)
      if ((seq === undefined || parked.row.seq === seq) && (key === undefined || parked.row.key.id === key.id))
        yield parked
    }
  }

  async replay(selection: ParkedSelection): Promise<ReplayResult> {
    let replayed = 0
    let left = 0
    await this.#forEach(selection, { kind: 'replay' }, (isGone) => (isGone ? replayed++ : left++))
    return { replayed, left }
  }

  async drop(selection: ParkedSelection): Promise<number> {
    let dropped = 0
    await this.#forEach(selection, { kind: 'drop' }, (isGone) => isGone && dropped++)
    return dropped
  }

  async resume(from: ResumeFrom): Promise<number> {
    this.#options.assertOpen()
    if (typeof from === 'number') wholeAtLeast('from', from, 0)
    else oneOf('from', from, ['mark', 'start', 'now'])
    const { back, name, options } = this.#parts
    const indexes = Array.from({ length: options.lanes }, (_, lane) => lane)
    const marks = await readLaneMarks(back.marks, name, indexes)
    // Before anything is asked for: all of them go on, or none. A lane stays where it is as long as it stands still.
    for (const [lane, mark] of marks.entries())
      if (mark?.halt !== undefined) await assertNotBack(this.#parts, lane, mark, from)
    const requests = indexes.flatMap((lane): [StoreKey, LaneRequest][] => {
      const halt = marks[lane]?.halt
      return halt === undefined ? [] : [[requestKey(name, lane, 0), { kind: 'resume', halt: halt.id, from }]]
    })
    await this.#post(requests)
    return requests.length
  }

  async #forEach(selection: ParkedSelection, request: LaneRequest, then: (isGone: boolean) => void): Promise<void> {
    this.#options.assertOpen()
    let page: Parked[] = []
    const answer = async (): Promise<void> => {
      const { back, name } = this.#parts
      await this.#post(page.map(({ lane, row }) => [requestKey(name, lane, row.seq), request]))
      const left = await back.marks.read(page.map(({ lane, row }) => parkedKey(name, lane, row.seq)))
      for (const mark of left) then(mark === undefined)
      page = []
    }
    for await (const parked of this.parked(selection)) {
      page.push(parked)
      if (page.length === PAGE) await answer()
    }
    if (page.length > 0) await answer()
  }

  /** Resolves when all of them were answered. @throws ClosedError: they stay, and are answered when somebody can */
  async #post(requests: readonly (readonly [StoreKey, LaneRequest])[]): Promise<void> {
    if (requests.length === 0) return
    const { back, options } = this.#parts
    await back.marks.write(requests.map(([key, request]) => ({ key, value: encodeRecord(back.codec, request) })))
    this.#options.posted()
    for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, this.#options.pollMs)) {
      const open = await back.marks.read(requests.map(([key]) => key))
      if (open.every((mark) => mark === undefined)) return
      this.#options.assertOpen()
      await options.clock.sleep(waitMs)
    }
  }
}
