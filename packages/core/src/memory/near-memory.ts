import { LRUCache } from 'lru-cache'
import { type Clock, systemClock } from '../clock.ts'
import { ClosedError } from '../errors.ts'
import type { RecentChanges } from '../fence/recent-changes.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { Entry, Found } from '../ports/entry.ts'
import type { ApplyMode, Fill, FrontOutcome, NearFront, TailStep } from '../ports/front.ts'
import type { LogChange } from '../ports/log.ts'
import { CoarseTime } from './coarse-time.ts'
import { type NearMemoryOptions, type ResolvedNearOptions, resolveNearOptions } from './near-options.ts'

/** What one record takes beside the characters of its key and the bytes of its value: objects and maps, as measured. */
const RECORD_OVERHEAD = 700

/** @throws TypeError or RangeError for an option that is unknown or out of range. */
export function createNearMemory(options: NearMemoryOptions = {}): NearFront {
  return new NearMemory(resolveNearOptions(options))
}

/**
 * A record is the very answer that readers get, frozen. If one with version v is held, every change that was executed on
 * its key here has a seq of at most v: see RecentChanges, which holds that for the keys without a record.
 */
class NearMemory implements NearFront {
  readonly name: string
  readonly #options: ResolvedNearOptions
  /** A clock of the caller's own is asked every time: it does not run by itself. */
  readonly #time: Pick<Clock, 'now'>
  readonly #fence: RecentChanges
  readonly #records: LRUCache<string, Found>
  #watermark = 0
  #closed = false

  constructor(options: ResolvedNearOptions) {
    this.name = options.name
    this.#options = options
    this.#time = options.clock === systemClock ? new CoarseTime(systemClock) : options.clock
    this.#fence = options.fence
    const { maxEntries, maxBytes } = options
    // Room for `max` is made at once, which takes longer than all the rest of a start: not for more than there will be.
    this.#records = new LRUCache({
      max: Math.min(maxEntries, Math.ceil(maxBytes / RECORD_OVERHEAD)),
      maxSize: maxBytes,
    })
  }

  get watermark(): number {
    return this.#watermark
  }

  peek(id: string): Found | undefined {
    const found = this.#records.get(id)
    if (found === undefined || found.until > this.#time.now()) return found
    this.#records.delete(id)
    return undefined
  }

  async read(keys: readonly StoreKey[]): Promise<readonly (Found | undefined)[]> {
    this.#assertOpen()
    return keys.map((key) => this.peek(key.id))
  }

  async apply(changes: readonly LogChange[], mode: ApplyMode): Promise<readonly FrontOutcome[]> {
    this.#assertOpen()
    return changes.map((change) => this.#apply(change, mode))
  }

  applyNow(changes: readonly LogChange[], mode: ApplyMode): void {
    if (this.#closed) return
    for (const change of changes) this.#apply(change, mode)
  }

  async fill(fills: readonly Fill[]): Promise<readonly FrontOutcome[]> {
    this.#assertOpen()
    return fills.map((fill) => this.fillNow(fill))
  }

  fillNow({ key, found, asOf }: Fill): FrontOutcome {
    const { id } = key
    if (this.#closed || !this.#fence.admits(id, found, asOf)) return 'fenced'
    const held = this.#records.peek(id)
    const version = versionOf(found)
    if (held !== undefined && versionOf(held) >= version && held.until > this.#time.now()) return 'newer'
    return this.#hold(id, found.entry, version, found.until)
  }

  discardNow(ids: readonly string[]): void {
    for (const id of ids) this.#records.delete(id)
  }

  tail({ from, to, changes }: TailStep): number {
    if (from !== this.#watermark || this.#closed) return this.#watermark
    for (const { key, seq } of changes) {
      this.#fence.record(key.id, seq)
      const held = this.#records.peek(key.id)
      if (held !== undefined && versionOf(held) < seq) this.#records.delete(key.id)
    }
    this.#watermark = to
    return to
  }

  fenceOf(id: string): number {
    return this.#fence.versionOf(id) ?? this.#fence.floor
  }

  restart(seq: number): void {
    this.#records.clear()
    this.#fence.restart(seq)
    this.#watermark = seq
  }

  /** The fence stays: what was executed here is still known, so nothing older gets in through the empty place. */
  async clear(): Promise<void> {
    this.#assertOpen()
    this.#records.clear()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#records.clear()
  }

  #apply({ key, seq, op, payload, at, expiresAt, meta }: LogChange, mode: ApplyMode): FrontOutcome {
    const { id } = key
    const held = this.#records.peek(id)
    // Where nothing is held, installing needs proof that nothing newer was executed meanwhile (late writes, eviction).
    const isLatest = held !== undefined || seq >= (this.#fence.versionOf(id) ?? this.#fence.floor)
    // Even if something newer is held: it may be evicted, and then the fence alone remembers.
    this.#fence.record(id, seq)
    if (held !== undefined && versionOf(held) >= seq) return 'newer'
    if (mode === 'install' && op === 'set' && payload !== undefined && isLatest) {
      const entry: Entry = Object.freeze({ key, version: seq, payload, writtenAt: at, expiresAt, meta })
      return this.#hold(id, entry, seq, expiresAt ?? Infinity)
    }
    this.#records.delete(id)
    return 'removed'
  }

  #hold(id: string, entry: Entry | undefined, version: number, until: number): FrontOutcome {
    const { ttlMs, negativeTtlMs, jitter, random, clock } = this.#options
    const now = clock.now()
    const ttl = (entry === undefined ? negativeTtlMs : ttlMs) * (1 - jitter * random())
    const end = Math.min(now + ttl, until, entry?.expiresAt ?? Infinity)
    const found: Found = Object.freeze({ entry, asOf: version, until: end, tier: this.name })
    const size = RECORD_OVERHEAD + id.length + (entry?.payload.byteLength ?? 0) + (entry?.meta?.byteLength ?? 0)
    // What has ended already, or is larger than all the room there is, must still take the place of what it replaces.
    if (end <= now || size > this.#options.maxBytes) {
      this.#records.delete(id)
      return 'removed'
    }
    entry?.key.detach()
    entry?.payload.detach()
    entry?.meta?.detach()
    this.#records.set(id, found, { size })
    return 'installed'
  }

  #assertOpen(): void {
    if (this.#closed) throw new ClosedError(`the front '${this.name}'`)
  }
}

/** Of a value, the seq that wrote it; of the knowledge that there is none, the head of the snapshot that missed it. */
function versionOf(found: Found): number {
  return found.entry === undefined ? found.asOf : found.entry.version
}
