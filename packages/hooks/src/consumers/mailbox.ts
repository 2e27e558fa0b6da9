import { oneOf } from '@tidemark/core'
import type { ParkedSelection, ReplayResult } from './consumer.ts'
import { timeOf } from './consumer-options.ts'
import type { ConsumerParts } from './consumer-parts.ts'
import { readLaneMarks } from './lane-mark.ts'
import type { LaneRequest } from './lane-requests.ts'
import { ofAll, openRequests, postRequests, type RequestPlace } from './open-requests.ts'
import type { ParkedSource } from './parked-changes.ts'
import { parkedPlaces, stillParked } from './parked-places.ts'
import { assertNotBack, type ResumeFrom } from './resume-place.ts'

export interface MailboxOptions {
  readonly pollMs: number
  /** Something was asked for, perhaps of a lane of this process. */
  readonly posted: () => void
  /** @throws ClosedError */
  readonly assertOpen: () => void
}

/**
 * Asks the owners of lanes, whichever processes they are in, and waits until they have answered. For who takes part in
 * the consumer: as long as he does, every lane has an owner, or soon will.
 */
export class Mailbox {
  readonly #parts: ConsumerParts
  readonly #options: MailboxOptions

  constructor(parts: ConsumerParts, options: MailboxOptions) {
    this.#parts = parts
    this.#options = options
  }

  /** Where parked changes are. */
  get source(): ParkedSource {
    const { back, name, options } = this.#parts
    return { back, name, lanes: options.lanes }
  }

  async replay(selection: ParkedSelection): Promise<ReplayResult> {
    const result = { replayed: 0, left: 0 }
    for await (const places of this.#places(selection)) {
      const left = await this.#ask(places, { kind: 'replay' })
      result.left += left.length
      result.replayed += places.length - left.length
    }
    return result
  }

  async drop(selection: ParkedSelection): Promise<number> {
    let dropped = 0
    for await (const places of this.#places(selection)) {
      // A replay that was under way, and failed, has answered what was asked for since.
      for (let left = places; left.length > 0;) left = await this.#ask(left, { kind: 'drop' })
      dropped += places.length
    }
    return dropped
  }

  async resume(place: Exclude<ResumeFrom, number> | Date): Promise<number> {
    this.#options.assertOpen()
    const from = place instanceof Date ? timeOf(place) : oneOf('option from', place, ['mark', 'start', 'now'])
    const { back, name, options } = this.#parts
    const indexes = Array.from({ length: options.lanes }, (_, lane) => lane)
    const marks = await readLaneMarks(back.marks, name, indexes)
    // Before anything is asked for: all of them go on, or none. A lane stays where it is as long as it stands still.
    for (const [lane, mark] of marks.entries())
      if (mark?.halt !== undefined) await assertNotBack(this.#parts, lane, mark, from)
    const requests = indexes.flatMap((lane): [RequestPlace, LaneRequest][] => {
      const halt = marks[lane]?.halt
      return halt === undefined
        ? []
        : [
            [
              { lane, seq: 0 },
              { kind: 'resume', halt: halt.id, from },
            ],
          ]
    })
    await this.#post(requests)
    return requests.length
  }

  #places(selection: ParkedSelection): AsyncIterable<readonly RequestPlace[]> {
    this.#options.assertOpen()
    return parkedPlaces(this.source, selection)
  }

  /** @returns those that are parked still, when it was answered */
  async #ask(places: readonly RequestPlace[], request: LaneRequest): Promise<readonly RequestPlace[]> {
    await this.#post(ofAll(places, request))
    return stillParked(this.#parts.back, this.#parts.name, places)
  }

  /** Resolves when all of them were answered. @throws ClosedError: they stay, and are answered when somebody can */
  async #post(requests: readonly (readonly [RequestPlace, LaneRequest])[]): Promise<void> {
    if (requests.length === 0) return
    const { back, name, options } = this.#parts
    await postRequests(back, name, requests)
    this.#options.posted()
    let open: readonly RequestPlace[] = requests.map(([place]) => place)
    for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, this.#options.pollMs)) {
      open = await openRequests(back, name, open)
      if (open.length === 0) return
      this.#options.assertOpen()
      await options.clock.sleep(waitMs)
    }
  }
}
