import {
  type Back,
  ClosedError,
  type Codec,
  type Commit,
  type CommitListener,
  type Compaction,
  type Found,
  type FrontAgreements,
  type KeyRange,
  type Leases,
  type Log,
  type Marks,
  type Proposal,
  type ScanOptions,
  type ScanPage,
  type StoreKey,
} from '@tidemark/core'
import type { Observable } from 'rxjs'
import { Flights } from './flights.ts'
import { explain, type Explanation } from './inspection/explanation.ts'
import { verify, type VerifyOptions, type VerifyProgress } from './inspection/verification.ts'
import { NearFollower } from './near-follower.ts'
import { resolveOptions, type TieredOptions, type TieredReadOptions, type TieredWriteOptions } from './options.ts'
import { ReadPath } from './read-path.ts'
import { FrontLink } from './shared/front-link.ts'
import { type TierEvent, TierEvents } from './tier-events.ts'
import { TierCounters, type TierStats } from './tier-stats.ts'
import { Visibility } from './visibility.ts'
import { warm, type WarmProgress } from './warm/warm.ts'
import type { WarmOptions, WarmStrategy } from './warm/warm-options.ts'
import { WritePath } from './write-path.ts'

/**
 * Fronts and a back tier as one store, under policies. It is a back tier itself, so that everything written above one
 * works above it.
 *
 * A commit listener is called when the fronts have had their turn, in the order of the log.
 */
export interface TieredBack extends Back<TieredReadOptions, TieredWriteOptions> {
  /** Trouble in a tier, and its end. Hot. */
  readonly tierEvents$: Observable<TierEvent>
  /**
   * How many milliseconds after its commit each change of another process became visible in this one, by the wall clocks
   * of both. With a near front: when that had met it in the log; those that it skipped, because the log was far ahead, are
   * told as one, the oldest; what was compacted meanwhile cannot be told. Without: when the first shared front was proven
   * to have it, which is asked three times in Δ, so that it may have been visible before; nothing is told while that front
   * is bypassed, as reads then see everything at once. Without any front, nothing. Hot.
   */
  readonly visibilityLag$: Observable<number>
  tierStats(): TierStats
  /**
   * What the near front holds under this key id, at once. The log is not asked: the answer may lack what another process
   * wrote within the last poll of the log.
   */
  peek(id: string): Found | undefined
  /** What every tier holds of the key, how far each one has followed the log, and which one a read would be served from. */
  explain(key: StoreKey): Promise<Explanation>
  /** Compares the shared fronts with the back tier, and repairs them. */
  verify(options?: VerifyOptions): Observable<VerifyProgress>
  /** Brings what the back tier holds into the fronts. Nothing happens until it is subscribed to. */
  warm(options?: WarmOptions | WarmStrategy): Observable<WarmProgress>
}

/** @throws TypeError or RangeError for an option that is unknown or out of range. */
export function createTiered(options: TieredOptions): TieredBack {
  return new Tiered(options)
}

class Tiered implements TieredBack {
  readonly name: string
  readonly codec: Codec
  readonly origin: string
  readonly log: Log
  readonly agreements: FrontAgreements
  readonly leases: Leases
  readonly marks: Marks
  readonly compaction: Compaction
  readonly readOptions: readonly string[] = [
    'consistency',
    'readPolicy',
    'minVersion',
  ] satisfies (keyof TieredReadOptions)[]
  readonly writeOptions: readonly string[] = ['writePolicy', 'ack'] satisfies (keyof TieredWriteOptions)[]
  readonly tierEvents$: Observable<TierEvent>
  readonly visibilityLag$: Observable<number>
  readonly #visible: Visibility
  readonly #back: Back
  readonly #options: ReturnType<typeof resolveOptions>
  readonly #events = new TierEvents()
  readonly #counters = new TierCounters()
  readonly #links: readonly FrontLink[]
  readonly #follower: NearFollower | undefined
  readonly #reads: ReadPath
  readonly #writes: WritePath
  #closing: Promise<void> | undefined

  constructor(given: TieredOptions) {
    const options = resolveOptions(given)
    const { back, near, fronts, clock, random } = options
    this.#options = options
    this.#back = back
    this.name = back.name
    this.codec = back.codec
    this.origin = back.origin
    this.log = back.log
    this.agreements = back.agreements
    this.leases = back.leases
    this.marks = back.marks
    this.compaction = back.compaction
    this.tierEvents$ = this.#events.events$
    this.#visible = new Visibility(back, clock)
    this.visibilityLag$ = this.#visible.lag$
    const flights = new Flights()
    const maxStaleMs = options.frontMaxStaleMs
    this.#links = fronts.map((front, depth) => {
      // What follows the log tells it, or else the front that reads meet first.
      const tells = near === undefined && depth === 0
      const onProven = (after: number, to: number): void => void (tells && this.#visible.tellUnread(after, to))
      return new FrontLink({ front, back, clock, random, events: this.#events, maxStaleMs, onProven })
    })
    this.#follower =
      near &&
      new NearFollower({
        near,
        back,
        clock,
        events: this.#events,
        maxStaleMs: options.nearMaxStaleMs,
        visible: this.#visible,
        onChanges: (changes) => flights.forget(changes),
        onRestart: () => flights.clear(),
      })
    this.#reads = new ReadPath(options, this.#links, this.#follower, flights, this.#counters)
    this.#writes = new WritePath(options, this.#links, this.#follower, flights, (keys, found) =>
      this.#reads.note(keys, found),
    )
  }

  readOne(key: StoreKey, options?: TieredReadOptions): Found | Promise<Found> {
    this.#assertOpen()
    return this.#reads.readOne(key, options)
  }

  async read(keys: readonly StoreKey[], options?: TieredReadOptions): Promise<readonly Found[]> {
    this.#assertOpen()
    return this.#reads.read(keys, options)
  }

  async commit(proposal: Proposal, options?: TieredWriteOptions): Promise<Commit> {
    this.#assertOpen()
    return this.#writes.commit(proposal, options)
  }

  async expire(limit: number): Promise<Commit> {
    this.#assertOpen()
    return this.#writes.expire(limit)
  }

  async restored(): Promise<void> {
    this.#assertOpen()
    return this.#back.restored()
  }

  async scan(range: KeyRange, options: ScanOptions): Promise<ScanPage> {
    this.#assertOpen()
    const page = await this.#back.scan(range, options)
    const { entries, asOf } = page
    this.#reads.note(
      entries.map(({ key }) => key),
      entries.map((entry) => ({ entry, asOf, until: Infinity, tier: this.name })),
    )
    return page
  }

  async count(range: KeyRange): Promise<number> {
    this.#assertOpen()
    return this.#back.count(range)
  }

  onCommit(listener: CommitListener): () => void {
    this.#assertOpen()
    return this.#writes.onCommit(listener)
  }

  tierStats(): TierStats {
    return this.#counters.snapshot()
  }

  peek(id: string): Found | undefined {
    return this.#options.near?.peek(id)
  }

  async explain(key: StoreKey): Promise<Explanation> {
    this.#assertOpen()
    const { near, clock } = this.#options
    // As a read does before it asks the near front.
    if (this.#follower?.isFresh() === false) await this.#follower.verified()
    return explain(key, { back: this.#back, near, links: this.#links, clock })
  }

  verify(options?: VerifyOptions): Observable<VerifyProgress> {
    return verify({ back: this.#back, links: this.#links, clock: this.#options.clock }, options)
  }

  warm(options?: WarmOptions | WarmStrategy): Observable<WarmProgress> {
    return warm({ back: this.#back, near: this.#options.near, links: this.#links, clock: this.#options.clock }, options)
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    try {
      // At once, the log included: whoever asks for anything from now on is told that it is closed.
      await Promise.all([
        this.#back.close(),
        this.#follower?.close(),
        ...this.#links.map((link) => link.follower.close()),
      ])
    } finally {
      await this.#writes.close()
      await Promise.all(this.#links.map((link) => link.close()))
      await this.#options.near?.close()
      this.#events.close()
      this.#visible.close()
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new ClosedError()
  }
}
