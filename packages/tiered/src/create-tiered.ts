import {
  type Back,
  ClosedError,
  type Codec,
  type Commit,
  type CommitListener,
  type Compaction,
  type Found,
  type FrontAgreements,
  holdsPartsAlone,
  type KeyPage,
  type KeyRange,
  type Leases,
  type Log,
  type Marks,
  type Proposal,
  type ReadBounds,
  type Renewal,
  type ScanOptions,
  type ScanPage,
  type StoreKey,
  type SyncBack,
  TidemarkError,
} from '@tidemark/core'
import type { Observable } from 'rxjs'
import { Flights } from './flights.ts'
import { fronted } from './fronted.ts'
import { explain, type Explanation } from './inspection/explanation.ts'
import { verify, type VerifyOptions, type VerifyProgress } from './inspection/verification.ts'
import { NearFollower } from './near-follower.ts'
import {
  resolveOptions,
  type TieredOptions,
  type TieredReadOptions,
  type TieredWriteOptions,
  writePolicyOf,
} from './options.ts'
import { ReadPath } from './read-path.ts'
import { FrontLink } from './shared/front-link.ts'
import { type TierEvent, TierEvents } from './tier-events.ts'
import { TierCounters, type TierStats } from './tier-stats.ts'
import type { TieredBack } from './tiered-back.ts'
import { Visibility } from './visibility.ts'
import { warm, type WarmProgress } from './warm/warm.ts'
import type { WarmOptions, WarmStrategy } from './warm/warm-options.ts'
import type { DeadLetter } from './write-behind/dead-letters.ts'
import type { Metrics } from './write-behind/metrics.ts'
import { readBehind, readManyBehind } from './write-behind/read-behind.ts'
import { isReserved } from './write-behind/reserved.ts'
import { WriteBehind } from './write-behind/write-behind.ts'
import { WritePath } from './write-path.ts'

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
  readonly renewal: Renewal
  readonly sync: SyncBack | undefined
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
  readonly #behind: WriteBehind
  /** Whether reads are counted by key, which costs a little on each hit. */
  readonly #isCounting: boolean
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
    this.marks = back.marks
    this.compaction = back.compaction
    this.renewal = back.renewal
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
    this.#behind = new WriteBehind({
      back,
      clock,
      random,
      onError: options.onError,
      options: options.writeBehind,
      commit: (proposal, onCommitted) => this.#writes.commit(proposal, { writePolicy: 'write-through' }, onCommitted),
    })
    this.leases = this.#behind.leases
    this.#isCounting = options.writePolicy === 'write-behind'
    if (this.#isCounting) {
      this.#reads.onBackRead = (keys) => {
        for (const key of keys) if (!isReserved(key)) this.#behind.metrics.count('reads', key.id)
      }
    }
    this.sync = fronts.length === 0 ? back.sync && this.#syncOver(back.sync) : undefined
  }

  readOne(key: StoreKey, options?: TieredReadOptions): Found | Promise<Found> {
    this.#assertOpen()
    if (this.#isCounting && !isReserved(key)) this.#behind.metrics.count('lookups', key.id)
    if (this.#behind.isEmpty) return this.#reads.readOne(key, options)
    return readBehind(this.#behind, this.#reads, key, options)
  }

  async read(keys: readonly StoreKey[], options?: TieredReadOptions & ReadBounds): Promise<readonly Found[]> {
    this.#assertOpen()
    if (this.#isCounting) for (const key of keys) if (!isReserved(key)) this.#behind.metrics.count('lookups', key.id)
    if (this.#behind.isEmpty) return this.#reads.read(keys, options)
    return readManyBehind(this.#behind, this.#reads, keys, options)
  }

  async commit(proposal: Proposal, options?: TieredWriteOptions): Promise<Commit> {
    this.#assertWritable()
    const policy = writePolicyOf(options?.writePolicy, this.#options.writePolicy)
    if (policy !== 'write-behind' && this.#behind.isQuiet) return this.#writes.commit(proposal, options)
    const commit = (guarded: Proposal): Promise<Commit> => this.#writes.commit(guarded, options)
    const accepted = policy === 'write-behind' ? this.#behind.accept(proposal) : undefined
    // Awaited: otherwise what is returned takes two more turns of the queue to arrive.
    return await (accepted ?? this.#behind.commit(proposal, commit))
  }

  async expire(limit: number): Promise<Commit> {
    this.#assertOpen()
    return this.#writes.expire(limit)
  }

  async restored(): Promise<void> {
    this.#assertOpen()
    // Otherwise in the calling turn: it takes its place among what is asked for together.
    if (!this.#behind.isIdle) await this.#behind.flushBefore([])
    return this.#back.restored()
  }

  async scan(range: KeyRange, options: ScanOptions): Promise<ScanPage> {
    this.#assertOpen()
    // Parts of logs and blobs are never buffered: to look for some is no reason to store what is.
    if (!holdsPartsAlone(range)) await this.#behind.flushBefore([])
    const page = await this.#back.scan(range, options)
    this.#notePage(page)
    return page
  }

  async scanKeys(range: KeyRange, options: ScanOptions): Promise<KeyPage> {
    this.#assertOpen()
    if (!holdsPartsAlone(range)) await this.#behind.flushBefore([])
    return this.#back.scanKeys(range, options)
  }

  async count(range: KeyRange): Promise<number> {
    this.#assertOpen()
    if (!holdsPartsAlone(range)) await this.#behind.flushBefore([])
    return this.#back.count(range)
  }

  onCommit(listener: CommitListener): () => void {
    this.#assertOpen()
    return this.#writes.onCommit(listener)
  }

  async flush(): Promise<void> {
    this.#assertOpen()
    return this.#behind.flush()
  }

  async checkpoint(name: string, state: unknown): Promise<void> {
    this.#assertWritable()
    return this.#behind.checkpoint(name, state)
  }

  async lastCheckpoint(name: string): Promise<unknown> {
    this.#assertOpen()
    return this.#behind.lastCheckpoint(name)
  }

  deadLetters(): AsyncIterable<DeadLetter> {
    this.#assertOpen()
    return this.#behind.deadLetters()
  }

  async redeem(id: string): Promise<boolean> {
    this.#assertOpen()
    return this.#behind.redeem(id, (proposal) => this.#writes.commit(proposal, undefined))
  }

  async dropDeadLetter(id: string): Promise<boolean> {
    this.#assertOpen()
    return this.#behind.dropDeadLetter(id)
  }

  metrics(): Metrics {
    return this.#behind.metrics.snapshot()
  }

  async recoverWrites(options?: { readonly isRequired?: boolean | undefined }): Promise<void> {
    this.#assertOpen()
    return this.#behind.recover(options?.isRequired === true)
  }

  tierStats(): TierStats {
    return this.#counters.snapshot()
  }

  peek(id: string): Found | undefined {
    return this.#behind.find(id) ?? this.#options.near?.peek(id)
  }

  async explain(key: StoreKey): Promise<Explanation> {
    this.#assertOpen()
    const { near, clock } = this.#options
    // As a read does before it asks the near front.
    if (this.#follower?.isFresh() === false) await this.#follower.verified()
    const behind = (id: string): Found | undefined => this.#behind.find(id)
    return explain(key, { back: this.#back, behind, near, links: this.#links, clock })
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
    if (!this.#behind.isUsed) {
      this.#behind.stop()
      return this.#closeTiers()
    }
    try {
      await this.#behind.close()
    } finally {
      await this.#closeTiers()
    }
  }

  async #closeTiers(): Promise<void> {
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
      await this.#options.writeBehind.shared?.close()
      this.#events.close()
      this.#visible.close()
    }
  }

  /** Asks the back tier alone, and tells the others what they may not be behind of. */
  #syncOver(sync: SyncBack): SyncBack {
    return {
      read: (keys) => {
        this.#assertOpen()
        const found = sync.read(keys)
        this.#reads.note(keys, found)
        return this.#behind.isEmpty ? found : found.map((below, i) => this.#behind.find(keys[i]!.id) ?? below)
      },
      scan: (range, options) => {
        this.#assertOpen()
        if (!holdsPartsAlone(range)) this.#behind.assertIdle()
        const page = sync.scan(range, options)
        this.#notePage(page)
        return page
      },
      scanKeys: (range, options) => {
        this.#assertOpen()
        if (!holdsPartsAlone(range)) this.#behind.assertIdle()
        return sync.scanKeys(range, options)
      },
      commit: (proposal) => {
        this.#assertOpen()
        this.#behind.assertIdle()
        return this.#writes.commitNow(proposal, sync)
      },
    }
  }

  #notePage({ entries: all, asOf }: ScanPage): void {
    this.#follower?.saw(asOf)
    const entries = fronted(all)
    this.#reads.note(
      entries.map(({ key }) => key),
      entries.map((entry) => ({ entry, asOf, until: Infinity, tier: this.name })),
    )
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new ClosedError()
  }

  /** Of what may be taken into the buffer; the rest is for the back tier to refuse. */
  #assertWritable(): void {
    this.#assertOpen()
    if (!this.#options.readOnly) return
    const message = 'the store was opened with readOnly: true; open it without, to write'
    throw new TidemarkError('READ_ONLY', message, { tier: this.name })
  }
}
