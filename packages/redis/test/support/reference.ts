import { stripeOf } from '../../src/stripes.ts'
import {
  type BenchAnnouncement,
  type BenchChange,
  type BenchFill,
  type BenchStart,
  type BenchStep,
  recordOf,
} from './script-bench.ts'

interface ReferenceRecord {
  /** undefined: it is damaged. */
  readonly version: number | undefined
  readonly epoch: string
  readonly text: string
}

/** When a start was announced, as the clock of the server has it now; undefined: nobody knows. */
export type Announced = 'just now' | 'long ago' | 'in the future'

/** The scripts as the protocol states them, one key at a time, on plain maps: what the real ones are compared with. */
export class Reference {
  epoch: string | undefined
  watermark: number | undefined
  mark: string | undefined
  tailer: string | undefined
  nonce: string | undefined
  announced: Announced | undefined
  highest: number | undefined
  markOfHighest: string | undefined
  base = 0
  readonly fences = new Map<number, number>()
  readonly records = new Map<string, ReferenceRecord>()

  /** undefined: meta is not ready. */
  get readyEpoch(): string | undefined {
    return this.watermark === undefined ? undefined : this.epoch
  }

  apply(epoch: string, { id, seq, value }: BenchChange): string {
    const version = this.#version(id)
    const hi = this.#hi(id)
    this.#raise(id, seq)
    if (version !== undefined && version >= seq) return 'newer'
    const install = value !== undefined && epoch === this.readyEpoch && (version !== undefined || seq >= hi)
    if (!install) {
      this.records.delete(id)
      return 'removed'
    }
    this.#store(id, epoch, seq, value)
    return 'installed'
  }

  fill(epoch: string, { id, version, asOf, value }: BenchFill): string {
    if (epoch !== this.readyEpoch || asOf < this.#hi(id)) return 'fenced'
    if ((this.#version(id) ?? -1) >= version) return 'newer'
    this.#store(id, epoch, version, value)
    return 'installed'
  }

  tail({ epoch, from, to, mark, tailer, changes }: BenchStep): number | undefined {
    if (this.readyEpoch === undefined) return undefined
    if (epoch !== this.epoch || from !== this.watermark) return this.watermark
    for (const { id, seq } of changes) {
      const version = this.#version(id)
      if (version === undefined || version < seq) this.records.delete(id)
      this.#raise(id, seq)
    }
    Object.assign(this, { watermark: to, mark, tailer })
    this.reach(to, mark)
    return to
  }

  /** Of a batch of changes, or a step: the highest of them. */
  reach(seq: number, mark: string): void {
    if (seq > (this.highest ?? 0)) Object.assign(this, { highest: seq, markOfHighest: mark })
  }

  announce({ nonce, seen, own }: BenchAnnouncement): number | string {
    if (this.readyEpoch !== undefined && this.readyEpoch !== seen) return this.readyEpoch
    if (this.nonce !== undefined && this.nonce !== own && this.announced === 'just now') return 0
    Object.assign(this, { watermark: undefined, mark: undefined, tailer: undefined, nonce, announced: 'just now' })
    return 1
  }

  complete({ nonce, epoch, head, mark }: BenchStart): number {
    if (nonce !== this.nonce) return 0
    Object.assign(this, { epoch, base: head, watermark: head, mark, nonce: undefined, announced: undefined })
    Object.assign(this, { highest: head, markOfHighest: mark })
    return 1
  }

  loseMeta(): void {
    const lost = {
      epoch: undefined,
      watermark: undefined,
      mark: undefined,
      tailer: undefined,
      nonce: undefined,
      announced: undefined,
      highest: undefined,
      markOfHighest: undefined,
      base: 0,
    }
    Object.assign(this, lost)
    this.fences.clear()
  }

  damage(id: string, text: string): void {
    this.records.set(id, { version: undefined, epoch: '', text })
  }

  #store(id: string, epoch: string, version: number, value: string): void {
    this.records.set(id, { epoch, version, text: recordOf('V', epoch, version, value).toString() })
  }

  #version(id: string): number | undefined {
    const record = this.records.get(id)
    return record !== undefined && record.epoch === this.epoch ? record.version : undefined
  }

  #hi(id: string): number {
    return Math.max(this.base, this.fences.get(stripeOf(id)) ?? 0)
  }

  #raise(id: string, seq: number): void {
    if (seq > this.#hi(id)) this.fences.set(stripeOf(id), seq)
  }
}
