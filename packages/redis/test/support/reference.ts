import { stripeOf } from '../../src/stripes.ts'
import type { BenchChange, BenchFill } from './script-bench.ts'

interface ReferenceRecord {
  readonly epoch: string
  readonly version: number
  readonly value: string
}

/** APPLY and FILL as the protocol states them, one key at a time, on plain maps: what the scripts are compared with. */
export class Reference {
  epoch: string | undefined
  watermark: number | undefined
  base = 0
  readonly fences = new Map<number, number>()
  readonly records = new Map<string, ReferenceRecord>()

  get ready(): boolean {
    return this.epoch !== undefined && this.watermark !== undefined
  }

  apply(epoch: string, { id, seq, value }: BenchChange): string {
    const version = this.#version(id)
    const hi = this.#hi(id)
    this.#raise(id, seq)
    if (version !== undefined && version >= seq) return 'newer'
    const install = value !== undefined && this.ready && epoch === this.epoch && (version !== undefined || seq >= hi)
    if (!install) {
      this.records.delete(id)
      return 'removed'
    }
    this.records.set(id, { epoch, version: seq, value })
    return 'installed'
  }

  fill(epoch: string, { id, version, asOf, value }: BenchFill): string {
    if (!this.ready || epoch !== this.epoch || asOf < this.#hi(id)) return 'fenced'
    if ((this.#version(id) ?? -1) >= version) return 'newer'
    this.records.set(id, { epoch, version, value })
    return 'installed'
  }

  loseMeta(): void {
    this.epoch = undefined
    this.watermark = undefined
    this.base = 0
    this.fences.clear()
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
