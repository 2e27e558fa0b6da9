import type { Clock, TailMark } from '@tidemark/core'
import type { SentRecord } from './commands.ts'
import { copyMeta, emptyMeta, type ServerMeta, type ServerSnapshot, type StoredRecord } from './server-state.ts'

/** What a server holds: records, which end in time, and meta with its fences. */
export class ServerData {
  meta: ServerMeta | undefined
  readonly #clock: Clock
  readonly #stripes: number
  #records = new Map<string, StoredRecord>()

  /** @param stripes how many fences there are */
  constructor(clock: Clock, stripes: number) {
    this.#clock = clock
    this.#stripes = stripes
  }

  /** undefined: meta is not ready. */
  get epoch(): string | undefined {
    return this.meta?.watermark === undefined ? undefined : this.meta.epoch
  }

  get ids(): readonly string[] {
    return [...this.#records.keys()].toSorted()
  }

  record(id: string): StoredRecord | undefined {
    const record = this.#records.get(id)
    if (record === undefined || record.endsAt > this.#clock.monotonic()) return record
    this.#records.delete(id)
    return undefined
  }

  /** undefined: there is no record, or one of another epoch, which is none. */
  versionOf(id: string): number | undefined {
    const record = this.record(id)
    return record !== undefined && record.epoch === this.meta?.epoch ? record.version : undefined
  }

  store(id: string, epoch: string, { version, entry, until, px }: SentRecord): void {
    this.#records.set(id, { epoch, version, entry, until, endsAt: this.#clock.monotonic() + px })
  }

  /** @returns whether there was one */
  remove(id: string): boolean {
    return this.#records.delete(id)
  }

  clear(): void {
    this.#records.clear()
  }

  /** The highest seq that was executed in the stripe of the key, or the base. */
  fence(id: string): number {
    const { base = 0, fences } = this.meta ?? {}
    return Math.max(base, fences?.get(this.#stripeOf(id)) ?? 0)
  }

  raise(id: string, seq: number): void {
    if (seq <= this.fence(id)) return
    this.meta ??= emptyMeta()
    this.meta.fences.set(this.#stripeOf(id), seq)
  }

  /** A change was executed. Of two with one seq the first one stays. */
  reach(seq: number, mark: TailMark): void {
    this.meta ??= emptyMeta()
    if (seq > (this.meta.highest?.seq ?? 0)) this.meta.highest = { seq, mark }
  }

  snapshot(): ServerSnapshot {
    return { records: new Map(this.#records), meta: copyMeta(this.meta) }
  }

  load({ records, meta }: ServerSnapshot): void {
    this.#records = new Map(records)
    this.meta = copyMeta(meta)
  }

  /** FNV-1a, as the callers of the scripts use it; with another number of fences it spreads as well. */
  #stripeOf(id: string): number {
    let hash = 0x811c9dc5
    for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
    return (((hash >>> 10) ^ hash) >>> 0) % this.#stripes
  }
}
