import type { Lease } from '@tidemark/core'
import { laneKey, partsOf, requestsOf } from './consumer-keys.ts'
import type { ConsumerParts } from './consumer-parts.ts'
import { Lane } from './lane.ts'
import { Membership, shareOf } from './membership.ts'
import { assertRegistered, isEnd } from './registration.ts'
import { scanMarks } from './scan-marks.ts'

/** How often a member looks around: a fraction of the lease, so that what others leave is soon taken up. */
const LOOKS_PER_LEASE = 20
const MIN_LOOK_MS = 10
const MAX_LOOK_MS = 250

interface Holding {
  readonly lane: Lane
  readonly done: Promise<void>
  /** Monotonic: when the lease ends unless it is renewed, at the latest. */
  until: number
}

/** Holds this member's share of the lanes: takes free ones, gives up what others are to have, and renews the leases. */
export class LaneHolder {
  readonly #parts: ConsumerParts
  readonly #id: string
  readonly #membership: Membership
  readonly #held = new Map<number, Holding>()
  #renewedAt = -Infinity
  #isClosing = false
  #cancel: (() => void) | undefined
  #look: Promise<void> = Promise.resolve()

  constructor(parts: ConsumerParts, id: string) {
    this.#parts = parts
    this.#id = id
    const { back, name, options } = parts
    this.#membership = new Membership({ back, name, id, leaseMs: options.leaseMs })
  }

  get lanes(): readonly Lane[] {
    return Array.from(this.#held.values(), ({ lane }) => lane)
  }

  get lookMs(): number {
    const ms = this.#parts.options.leaseMs / LOOKS_PER_LEASE
    return Math.min(Math.max(ms, MIN_LOOK_MS), MAX_LOOK_MS)
  }

  /**
   * Looks around now, or right after the look under way, and from then on. What goes wrong is reported, and tried
   * again.
   */
  lookSoon(): Promise<void> {
    this.#cancel?.()
    this.#look = this.#look.then(async () => {
      if (this.#isClosing) return
      try {
        await this.#lookAround()
      } catch (error) {
        this.#failed(error)
      }
      this.#cancel?.()
      if (!this.#isClosing) this.#cancel = this.#parts.options.clock.schedule(this.lookMs, () => void this.lookSoon())
    })
    return this.#look
  }

  /** Gives up every lane, once what is in hand is done, or when `grace` is over; and leaves. */
  async close(grace: Promise<unknown>): Promise<void> {
    this.#isClosing = true
    this.#cancel?.()
    for (const { lane } of this.#held.values()) lane.stop()
    const cancelRenewal = this.#renewUntilDone()
    const finish = async (): Promise<void> => {
      await this.#look
      // What came while it was looking.
      for (const { lane } of this.#held.values()) lane.stop()
      await Promise.all(Array.from(this.#held.values(), ({ done }) => done))
    }
    let isDone = false
    const finished = finish().then(() => (isDone = true))
    await Promise.race([finished, grace])
    if (!isDone) for (const { lane } of this.#held.values()) lane.abandon(new Error('the consumer is closed'))
    await finished
    cancelRenewal()
    await this.#membership.leave()
  }

  #failed(error: unknown): void {
    if (this.#isClosing) return
    if (isEnd(error)) this.#parts.end(error)
    else this.#parts.emit({ kind: 'trouble', lane: undefined, error })
  }

  async #lookAround(): Promise<void> {
    const { back, name, registration, options } = this.#parts
    const { clock, leaseMs, lanes } = options
    const now = clock.monotonic()
    if (now - this.#renewedAt >= leaseMs / 3) {
      this.#renewedAt = now
      await Promise.all([this.#membership.renew(), this.#renewLanes()])
    }
    await assertRegistered(back, name, registration)
    const share = shareOf(lanes, await this.#membership.members(), this.#id)
    const kept = Array.from(this.#held.keys()).toSorted((a, b) => a - b)
    for (const index of kept.slice(share)) this.#held.get(index)!.lane.stop()
    if (this.#held.size < share) await this.#takeUp(share)
    await this.#hearRequests()
  }

  async #renewLanes(): Promise<void> {
    const { clock, leaseMs } = this.#parts.options
    const { leases } = this.#parts.back
    await Promise.all(
      Array.from(this.#held.values(), async (holding) => {
        const begun = clock.monotonic()
        try {
          if (await leases.renew(holding.lane.lease, leaseMs)) holding.until = begun + leaseMs
          else holding.lane.lose()
        } catch (error) {
          // A back tier that is busy now may have time for the next renewal.
          if (clock.monotonic() >= holding.until) holding.lane.lose()
          throw error
        }
      }),
    )
  }

  #renewUntilDone(): () => void {
    const { clock, leaseMs } = this.#parts.options
    let cancel = (): void => {}
    const again = (): void => {
      cancel = clock.schedule(leaseMs / 3, () => {
        this.#renewLanes().catch(() => undefined)
        again()
      })
    }
    again()
    return () => cancel()
  }

  async #takeUp(share: number): Promise<void> {
    const { back, name, options } = this.#parts
    const missing = Array.from({ length: options.lanes }, (_, lane) => lane).filter((lane) => !this.#held.has(lane))
    const remaining = await back.leases.remaining(missing.map((lane) => laneKey(name, lane)))
    const free = missing.filter((_, i) => remaining[i] === 0)
    // Members that begin at different lanes get in each other's way less.
    const offset = Math.floor(options.random() * free.length)
    const order = [...free.slice(offset), ...free.slice(0, offset)].slice(0, share - this.#held.size)
    await Promise.all(
      order.map(async (lane) => {
        const begun = options.clock.monotonic()
        const { lease } = await back.leases.acquire(laneKey(name, lane), options.leaseMs)
        if (lease !== undefined) this.#hold(lane, lease, begun + options.leaseMs)
      }),
    )
  }

  #hold(index: number, lease: Lease, until: number): void {
    const lane = new Lane(this.#parts, index, lease)
    const done = lane.run().then(() => {
      this.#held.delete(index)
      // What was lost, or given up to others that have left meanwhile, may be had again.
      if (!this.#isClosing) void this.lookSoon()
    })
    this.#held.set(index, { lane, done, until })
  }

  async #hearRequests(): Promise<void> {
    const { back, name } = this.#parts
    const asked = new Set<unknown>()
    for await (const { key } of scanMarks(back.marks, requestsOf(name))) asked.add(partsOf(key)[1])
    for (const { lane } of this.#held.values()) if (asked.has(lane.index)) lane.ask()
  }
}
