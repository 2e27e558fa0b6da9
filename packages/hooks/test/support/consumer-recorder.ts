import { inRange, type Lease, type LogChange, type MarkWrite, type MemoryBack } from '@tidemark/core'
import { eventOf, type SeenBatch, type StreamEvent, type StreamHistory } from '@tidemark/testkit'
import { vi } from 'vitest'
import type { Change } from '../../src/index.ts'
import { lanesOf, parkedOf, partsOf } from '../../src/consumers/consumer-keys.ts'

interface Tenure {
  readonly fence: number
  readonly after: number
  readonly batches: SeenBatch[]
}

/**
 * Writes down what became of each change in the lanes of a consumer: by the owners of a lane, one after the other, what
 * they have stored as dealt with, and how far that brought the lane. A change is dealt with when its handler has returned,
 * or when it was parked, and the lane's place behind it is stored. What a handler did that was never stored counts for
 * nothing here: it happens again.
 */
export class ConsumerRecorder {
  readonly #name: string
  readonly #rows: readonly LogChange[]
  /** What the handler of a lane's owner has done since the last write. */
  readonly #done = new Map<string, readonly number[]>()
  readonly #tenures = new Map<number, Tenure[]>()
  readonly #places = new Map<number, number>()

  /** @param rows every change of the log, also those to come */
  constructor(back: MemoryBack, name: string, rows: readonly LogChange[]) {
    this.#name = name
    this.#rows = rows
    const write = back.marks.write.bind(back.marks)
    vi.spyOn(back.marks, 'write').mockImplementation(async (writes, options) => {
      await write(writes, options)
      this.#wrote(writes, options?.lease)
    })
    const commit = back.commit.bind(back)
    vi.spyOn(back, 'commit').mockImplementation(async (proposal) => {
      const outcome = await commit(proposal)
      if (Array.isArray(proposal.marks)) this.#wrote(proposal.marks as MarkWrite[], proposal.lease)
      return outcome
    })
  }

  /** To be called by a handler when it begins, and with what it has done when it returns. */
  handled({ lane, fence }: { lane: number; fence: number }, changes: readonly Change[] = []): void {
    this.#done.set(
      `${lane} ${fence}`,
      changes.map(({ seq }) => seq),
    )
  }

  /** Of a lane: as of a subscriber who has started anew with each owner, where the last one had come to. */
  history(lane: number, isOfLane: (row: LogChange) => boolean): StreamHistory {
    const wanted = new Set(this.#rows.filter(isOfLane).map(({ seq }) => seq))
    return {
      subscriber: `lane ${lane}`,
      isWanted: ({ seq }) => wanted.has(seq),
      sessions: this.#tenures.get(lane) ?? [],
      followedTo: Math.max(0, ...wanted),
    }
  }

  #wrote(writes: readonly MarkWrite[], lease: Lease | undefined): void {
    const mark = writes.find(({ key }) => inRange(lanesOf(this.#name), key.bytes))
    if (mark?.value === undefined || lease === undefined) return
    const lane = partsOf(mark.key)[1] as number
    const { seq: position } = mark.value.read() as { seq: number }
    const place = this.#places.get(lane) ?? 0
    const tenure = this.#tenureOf(lane, lease.token, place)
    if (position === place) return
    this.#places.set(lane, position)
    const parked = writes.filter(
      ({ key, value }) => value !== undefined && inRange(parkedOf(this.#name, lane), key.bytes),
    )
    const owner = `${lane} ${lease.token}`
    const seqs = [...(this.#done.get(owner) ?? []), ...parked.map(({ key }) => partsOf(key)[2] as number)]
    this.#done.delete(owner)
    // What was replayed is older, and was dealt with when it was parked.
    const events = seqs.filter((seq) => seq > place).toSorted((a, b) => a - b)
    tenure.batches.push({ events: events.map((seq) => this.#eventOf(seq)), position })
  }

  #tenureOf(lane: number, fence: number, after: number): Tenure {
    const tenures = this.#tenures.get(lane) ?? []
    this.#tenures.set(lane, tenures)
    const last = tenures.at(-1)
    if (last?.fence === fence) return last
    const tenure = { fence, after, batches: [] }
    tenures.push(tenure)
    return tenure
  }

  #eventOf(seq: number): StreamEvent {
    return eventOf(this.#rows[seq - 1]!)
  }
}
