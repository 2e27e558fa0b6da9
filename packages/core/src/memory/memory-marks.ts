import type { Codec } from '../codec/codec.ts'
import type { Payload } from '../codec/payload.ts'
import type { KeyRange } from '../keys/key-range.ts'
import type { StoreKey } from '../keys/store-key.ts'
import { compareBytes } from '../keys/tuple-order.ts'
import type { Mark, MarkScanOptions, MarkWrite } from '../ports/marks.ts'
import { SortedList } from './sorted-list.ts'

/** The marks of a memory store. */
export class MemoryMarks {
  readonly #codec: Codec
  readonly #byId = new Map<string, Mark>()
  readonly #keys = new SortedList<StoreKey>((a, b) => compareBytes(a.bytes, b.bytes))

  constructor(codec: Codec) {
    this.#codec = codec
  }

  get(key: StoreKey): Payload | undefined {
    return this.#byId.get(key.id)?.value
  }

  write(writes: readonly MarkWrite[]): void {
    for (const { key, value, expected } of writes) {
      const held = this.get(key)
      if (expected !== undefined && (held === undefined || compareBytes(held.bytes, expected.bytes) !== 0)) continue
      const isNew = held === undefined
      if (value !== undefined) {
        this.#byId.set(key.id, Object.freeze({ key, value: value.boundTo(this.#codec, key, 0, 'mark') }))
        if (isNew) this.#keys.add(key)
      } else if (!isNew) {
        this.#byId.delete(key.id)
        this.#keys.delete(key)
      }
    }
  }

  scan({ start, end }: KeyRange, { after, limit }: MarkScanOptions): readonly Mark[] {
    const marks: Mark[] = []
    const isBefore = ({ bytes }: StoreKey): boolean =>
      compareBytes(bytes, start) < 0 || (after !== undefined && compareBytes(bytes, after.bytes) <= 0)
    for (const key of this.#keys.ascend(isBefore)) {
      if (marks.length >= limit || (end !== undefined && compareBytes(key.bytes, end) >= 0)) break
      marks.push(this.#byId.get(key.id)!)
    }
    return marks
  }
}
