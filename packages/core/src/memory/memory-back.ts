import { afterTurn } from '../batching/after-turn.ts'
import type { Clock } from '../clock.ts'
import type { Codec } from '../codec/codec.ts'
import { ClosedError } from '../errors.ts'
import type { KeyRange } from '../keys/key-range.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type {
  Back,
  Commit,
  CommitListener,
  KeyPage,
  Proposal,
  ReadOptions,
  ScanOptions,
  ScanPage,
  SyncBack,
} from '../ports/back.ts'
import type { Entry, Found } from '../ports/entry.ts'
import type { SyncFrontAgreements } from '../ports/front-agreement.ts'
import type { Compaction } from '../ports/compaction.ts'
import type { Leases } from '../ports/leases.ts'
import type { Log, SyncLog } from '../ports/log.ts'
import type { Marks } from '../ports/marks.ts'
import { NOTHING_TO_RENEW, type Renewal } from '../ports/renewal.ts'
import { assertKnown, callback, wholeAtLeast } from '../options/checks.ts'
import { clockOption, codecOption } from '../options/ports.ts'
import { CommitQueue } from './commit-queue.ts'
import { MemoryAgreements } from './memory-agreements.ts'
import { MemoryEntries } from './memory-entries.ts'
import { MemoryLeases } from './memory-leases.ts'
import { MemoryLog, randomId } from './memory-log.ts'
import { MemoryMarks } from './memory-marks.ts'
import { agreementsPort, compactionPort, leasesPort, marksPort, type Perform } from './memory-ports.ts'
import { MemoryWriter } from './memory-writer.ts'

/** What a store in memory is made with; every option has a default. */
export interface MemoryBackOptions {
  /** The name of this tier in answers and errors. @default 'memory' */
  readonly name?: string | undefined
  /** How values become bytes. @default CBOR */
  readonly codec?: Codec | undefined
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
  /**
   * How many changes the log holds at most: the oldest commits go first, each as a whole, and the newest always stays.
   * Each change keeps its value in memory. @default 100_000
   */
  readonly maxLogChanges?: number | undefined
  /** Gets what a commit listener threw. @default it is thrown again where nothing of the store can stop */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** A back tier that lives and ends with its object: versions, log and transactions, and no durability at all. */
export interface MemoryBack extends Back, AsyncDisposable {
  readonly log: Log & { readonly sync: SyncLog }
  readonly agreements: SyncFrontAgreements
  readonly sync: SyncBack
  readOne(key: StoreKey): Found
}

const NAMES: readonly (keyof MemoryBackOptions)[] = ['name', 'codec', 'clock', 'maxLogChanges', 'onError']

/** @throws TypeError or RangeError for an option that is unknown or out of range. */
export function createMemoryBack(options: MemoryBackOptions = {}): MemoryBack {
  assertKnown(options, NAMES)
  return new OpenMemoryBack(options)
}

class OpenMemoryBack implements MemoryBack {
  readonly name: string
  readonly codec: Codec
  readonly origin: string = randomId()
  readonly log: MemoryLog
  readonly agreements: SyncFrontAgreements
  readonly leases: Leases
  readonly marks: Marks
  readonly compaction: Compaction
  readonly renewal: Renewal = NOTHING_TO_RENEW
  readonly sync: SyncBack = {
    read: (keys) => this.#read(keys),
    scan: (range, options) => this.#scan(range, options),
    scanKeys: (range, options) => this.#scanKeys(range, options),
    commit: (proposal) => this.#commitNow(proposal),
  }
  readonly readOptions: readonly string[] = ['consistency'] satisfies (keyof ReadOptions)[]
  readonly writeOptions: readonly string[] = []
  readonly #clock: Clock
  readonly #entries = new MemoryEntries()
  readonly #writer: MemoryWriter
  readonly #queue: CommitQueue
  #closing: Promise<void> | undefined

  constructor(options: MemoryBackOptions) {
    this.name = options.name ?? 'memory'
    this.codec = codecOption(options.codec)
    this.#clock = clockOption(options.clock)
    this.log = new MemoryLog({
      maxChanges: wholeAtLeast('option maxLogChanges', options.maxLogChanges ?? 100_000, 1),
      assertOpen: () => this.#assertOpen(),
    })
    const agreements = new MemoryAgreements()
    const leases = new MemoryLeases()
    const marks = new MemoryMarks(this.codec)
    this.#writer = new MemoryWriter({
      codec: this.codec,
      entries: this.#entries,
      log: this.log,
      agreements,
      leases,
      marks,
      clock: this.#clock,
      origin: this.origin,
      name: this.name,
    })
    this.#queue = new CommitQueue({
      writer: this.#writer,
      afterTurn,
      onError: callback('option onError', options.onError ?? throwLater),
    })
    const perform: Perform = (task) => this.#perform(task)
    this.agreements = agreementsPort({ agreements, log: this.log, perform, assertOpen: () => this.#assertOpen() })
    const assertOpen = (): void => this.#assertOpen()
    this.leases = leasesPort(perform)
    this.marks = marksPort({ marks, commit: (proposal) => this.commit(proposal), assertOpen })
    this.compaction = compactionPort({ log: this.log, perform, assertOpen })
  }

  readOne(key: StoreKey): Found {
    this.#assertOpen()
    return this.#found(this.#entries.get(key.id, this.#clock.now()))
  }

  async read(keys: readonly StoreKey[]): Promise<readonly Found[]> {
    return this.#read(keys)
  }

  async commit(proposal: Proposal): Promise<Commit> {
    this.#assertOpen()
    return this.#queue.propose(proposal)
  }

  async scan(range: KeyRange, options: ScanOptions): Promise<ScanPage> {
    return this.#scan(range, options)
  }

  async scanKeys(range: KeyRange, options: ScanOptions): Promise<KeyPage> {
    return this.#scanKeys(range, options)
  }

  async count(range: KeyRange): Promise<number> {
    this.#assertOpen()
    return this.#entries.count(range, this.#clock.now())
  }

  async expire(limit: number): Promise<Commit> {
    this.#assertOpen()
    return this.#queue.expire(wholeAtLeast('limit', limit, 1))
  }

  restored(): Promise<void> {
    return this.#perform((writer) => writer.restored())
  }

  onCommit(listener: CommitListener): () => void {
    this.#assertOpen()
    return this.#queue.onCommit(listener)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #read(keys: readonly StoreKey[]): readonly Found[] {
    this.#assertOpen()
    const now = this.#clock.now()
    return keys.map((key) => this.#found(this.#entries.get(key.id, now)))
  }

  #scan(range: KeyRange, options: ScanOptions): ScanPage {
    this.#assertOpen()
    wholeAtLeast('limit', options.limit, 1)
    const entries = this.#entries.scan(range, options, this.#clock.now())
    return { entries, isLast: entries.length < options.limit, asOf: this.log.last }
  }

  #scanKeys(range: KeyRange, options: ScanOptions): KeyPage {
    const { entries, ...page } = this.#scan(range, options)
    return { keys: entries.map(({ key, version, writtenAt }) => ({ key, version, writtenAt })), ...page }
  }

  #commitNow(proposal: Proposal): Commit {
    this.#assertOpen()
    return this.#queue.proposeNow(proposal)
  }

  /** In its place among the commits. */
  async #perform<T>(task: (writer: MemoryWriter) => T): Promise<T> {
    this.#assertOpen()
    return this.#queue.perform(() => task(this.#writer))
  }

  async #close(): Promise<void> {
    this.log.close(this.#closedError())
    await this.#queue.drained()
    this.#entries.clear()
    this.log.clear()
  }

  #found(entry: Entry | undefined): Found {
    return { entry, asOf: this.log.last, until: entry?.expiresAt ?? Infinity, tier: this.name }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw this.#closedError()
  }

  #closedError(): ClosedError {
    return new ClosedError(`the memory store '${this.name}'`)
  }
}

function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
