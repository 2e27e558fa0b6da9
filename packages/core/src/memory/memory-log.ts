import type { StoreKey } from '../keys/store-key.ts'
import { Uuid } from '../keys/uuid.ts'
import type { Compacted, CompactOptions } from '../ports/compaction.ts'
import {
  type KeyHistory,
  type KeyHistoryOptions,
  type Log,
  type LogChange,
  type LogIdentity,
  type LogPage,
  type LogReadOptions,
  type SyncLog,
  withoutValues,
} from '../ports/log.ts'
import { assertInLog } from '../ports/log-bounds.ts'
import { wholeAtLeast } from '../options/checks.ts'
import { Waiters } from '../waiters.ts'

/** What a change takes beside its key and values, about. */
const CHANGE_BYTES = 60

export interface MemoryLogOptions {
  /** See MemoryBackOptions.maxLogChanges. */
  readonly maxChanges: number
  /** @throws ClosedError once the store is closing */
  readonly assertOpen: () => void
}

/** The log of a memory store. */
export class MemoryLog implements Log {
  readonly sync: SyncLog = Object.freeze({
    head: () => this.#openHead(),
    read: (options: LogReadOptions) => this.#read(options),
  })
  readonly #options: MemoryLogOptions
  #identity: LogIdentity = Object.freeze({ id: randomId(), epoch: 1 })
  /** Those up to `#dropped` are compacted away, and still here only because moving the rest costs time. */
  #changes: LogChange[] = []
  #dropped = 0
  #floor = 0
  /** Below the floor, by seq: what entries are now. */
  readonly #kept = new Map<number, LogChange>()
  /** When the last change was committed, whether or not it is still here. */
  #lastAt = 0
  readonly #waiters = new Waiters<number>()

  constructor(options: MemoryLogOptions) {
    this.#options = options
  }

  get identity(): LogIdentity {
    return this.#identity
  }

  /** The head, whether or not the store is open. */
  get last(): number {
    return this.#floor + this.#changes.length - this.#dropped
  }

  async head(): Promise<number> {
    return this.#openHead()
  }

  async floor(): Promise<number> {
    this.#options.assertOpen()
    return this.#floor
  }

  async read(options: LogReadOptions): Promise<LogPage> {
    return this.#read(options)
  }

  async at(seqs: readonly number[]): Promise<readonly (LogChange | undefined)[]> {
    this.#options.assertOpen()
    return seqs.map((seq) => this.#find(seq))
  }

  async seqBefore(at: number): Promise<number | undefined> {
    this.#options.assertOpen()
    if (this.#lastAt < at) return this.last
    let [low, high] = [this.#floor, this.last]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (this.#at(middle).at < at) low = middle
      else high = middle - 1
    }
    return low === this.#floor && low > 0 ? undefined : low
  }

  async changesOf(key: StoreKey, { before = Infinity, limit, signal }: KeyHistoryOptions): Promise<KeyHistory> {
    this.#options.assertOpen()
    wholeAtLeast('limit', limit, 1)
    signal?.throwIfAborted()
    const changes: LogChange[] = []
    for (let seq = Math.min(before - 1, this.last); seq > this.#floor; seq--) {
      const change = this.#at(seq)
      if (change.key.id !== key.id) continue
      changes.push(change)
      if (changes.length === limit) return { changes, end: 'limit' }
    }
    for (const change of this.#kept.values()) {
      // There is one at most: the change that replaced it is above the floor.
      if (change.key.id !== key.id || change.seq >= before) continue
      changes.push(change)
      if (changes.length === limit) return { changes, end: 'limit' }
    }
    return { changes, end: this.#floor === 0 ? 'start' : 'floor' }
  }

  /** @param isCurrent whether a change made what its entry is now */
  compact({ upTo, limit, keepLatest = false }: CompactOptions, isCurrent: (change: LogChange) => boolean): Compacted {
    const target = Math.min(upTo, this.last)
    const from = this.#floor
    let removed = keepLatest ? 0 : this.#dropKept(target, limit)
    // As much as one step may do.
    if (removed > 0) return { floor: from, removed, done: false }
    while (this.#floor < target) {
      const { last } = this.#at(this.#floor + 1)
      // A commit goes as a whole: the first one also when it is larger than asked for.
      if (last > target || (this.#floor > from && last - from > limit)) break
      for (let seq = this.#floor + 1; seq <= last; seq++) {
        const change = this.#at(seq)
        // Its predecessor was kept for this one to replace.
        if (this.#kept.delete(change.prevVersion)) removed++
        if (keepLatest && isCurrent(change)) this.#kept.set(seq, change)
        else removed++
      }
      this.#dropped += last - this.#floor
      this.#floor = last
    }
    this.#moveRest()
    const done = this.#floor >= target || this.#at(this.#floor + 1).last > target
    return { floor: this.#floor, removed, done }
  }

  /** About. */
  sizeOf(after: number, upTo: number): number {
    let bytes = 0
    for (const change of this.#kept.values()) if (change.seq > after && change.seq <= upTo) bytes += sizeOf(change)
    for (let seq = Math.max(after, this.#floor) + 1; seq <= Math.min(upTo, this.last); seq++)
      bytes += sizeOf(this.#at(seq))
    return bytes
  }

  async wait(after: number, signal: AbortSignal): Promise<void> {
    this.#options.assertOpen()
    wholeAtLeast('after', after, 0)
    signal.throwIfAborted()
    if (this.last > after) return
    await this.#waiters.wait(after, signal)
  }

  /** Nothing to do: no other process writes here, and every commit wakes the waiters itself. */
  nudge(): void {}

  /** Appends one commit. */
  append(changes: readonly LogChange[]): void {
    for (const change of changes) {
      this.#changes.push(change.leftOut === true ? Object.freeze({ ...change, payload: undefined }) : change)
    }
    this.#lastAt = changes.at(-1)?.at ?? this.#lastAt
  }

  /** Wakes who waits for what was appended, and compacts. */
  settle(): void {
    this.#compact()
    const head = this.last
    this.#waiters.wake((after) => after < head)
  }

  /** Tokens of the epochs before are refused from here on. Who waits looks again. */
  startEpoch(): void {
    const { id, epoch } = this.#identity
    this.#identity = Object.freeze({ id, epoch: epoch + 1 })
    this.#waiters.wake(() => true)
  }

  close(error: Error): void {
    this.#waiters.fail(error)
  }

  clear(): void {
    this.#floor = this.last
    this.#changes = []
    this.#kept.clear()
    this.#dropped = 0
  }

  #openHead(): number {
    this.#options.assertOpen()
    return this.last
  }

  #read({ after, limit, values = true }: LogReadOptions): LogPage {
    this.#options.assertOpen()
    wholeAtLeast('after', after, 0)
    wholeAtLeast('limit', limit, 1)
    const head = this.last
    assertInLog(after, { floor: this.#floor, head }, 'and a store in memory starts a new one each time')
    if (after === head) return { changes: [], head }
    const end = this.#at(Math.min(after + limit, head)).last
    const from = this.#dropped - this.#floor
    const changes = this.#changes.slice(from + after, from + end)
    return { changes: values ? changes : changes.map(withoutValues), head }
  }

  #at(seq: number): LogChange {
    return this.#changes[this.#dropped + seq - this.#floor - 1]!
  }

  /** Drops the oldest commits, whole, while there are too many changes; never the newest commit. */
  #compact(): void {
    const head = this.last
    while (head - this.#floor > this.#options.maxChanges) {
      const { last } = this.#at(this.#floor + 1)
      if (last === head) break
      if (this.#kept.size > 0) {
        for (let seq = this.#floor + 1; seq <= last; seq++) this.#kept.delete(this.#at(seq).prevVersion)
      }
      this.#dropped += last - this.#floor
      this.#floor = last
    }
    this.#moveRest()
  }

  /** What was kept below the floor, and nobody wants any more: the oldest first. @returns how many went */
  #dropKept(upTo: number, limit: number): number {
    let count = 0
    for (const seq of this.#kept.keys()) {
      if (seq > upTo || count === limit) break
      this.#kept.delete(seq)
      count++
    }
    return count
  }

  #moveRest(): void {
    if (this.#dropped <= this.#changes.length / 2) return
    this.#changes = this.#changes.slice(this.#dropped)
    this.#dropped = 0
  }

  #find(seq: number): LogChange | undefined {
    return seq > this.#floor && seq <= this.last ? this.#at(seq) : this.#kept.get(seq)
  }
}

function sizeOf({ key, payload, meta }: LogChange): number {
  return CHANGE_BYTES + key.bytes.byteLength + (payload?.byteLength ?? 0) + (meta?.byteLength ?? 0)
}

/** Unique among opened stores. */
export function randomId(): string {
  return Uuid.from(crypto.getRandomValues(new Uint8Array(16))).text.replaceAll('-', '')
}
