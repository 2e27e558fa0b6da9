import type { Payload } from '../../codec/payload.ts'
import type { StoreKey } from '../../keys/store-key.ts'
import type { Entry } from '../../ports/entry.ts'
import { readHead } from '../parts/part-head.ts'
import { partsKey } from '../parts/part-key.ts'

/** Where the elements of a log are, by its head. Remembers the last one: all appends of a transaction find the same. */
export class LogHeads {
  #last: { readonly payload: Payload; readonly parts: StoreKey } | undefined

  /** @throws TidemarkError WRONG_TYPE; CorruptError */
  partsOf(head: Entry): StoreKey {
    const { payload, key } = head
    if (this.#last?.payload !== payload) {
      this.#last = { payload, parts: partsKey('element', key, readHead(head, 'log').id) }
    }
    return this.#last.parts
  }
}
