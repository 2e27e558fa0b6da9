import type { Codec } from '../../codec/codec.ts'
import { Payload } from '../../codec/payload.ts'
import type { Clock } from '../../clock.ts'
import type { StoreKey } from '../../keys/store-key.ts'
import type { Uuid } from '../../keys/uuid.ts'
import { listOf } from '../../options/checks.ts'
import type { SetWrite, Write } from '../../ports/back.ts'
import type { Entry } from '../../ports/entry.ts'
import { assertRoomForParts, newId, partsKey } from '../parts/part-key.ts'
import { type SetOptions, toHeadWrite } from '../write-options.ts'
import type { LogHeads } from './log-heads.ts'

export interface AppendingParts {
  readonly codec: Codec
  readonly clock: Clock
  readonly heads: LogHeads
}

interface Begun {
  readonly id: Uuid
  readonly write: SetWrite
}

/** @throws TypeError for what is no list: a text would be one of its characters */
export function listOfElements<T>(elements: Iterable<T>): Iterable<T> {
  return listOf('the elements of appendMany', elements, '[first, second]')
}

/** Elements that are to be appended to one log, side by side in one commit. */
export class Appending {
  readonly #parts: AppendingParts
  readonly #key: StoreKey
  readonly #payloads: Payload[] = []
  #begun: Begun | undefined

  /** @throws RangeError when there is no room for elements behind the key */
  constructor(parts: AppendingParts, key: StoreKey) {
    assertRoomForParts(key)
    this.#parts = parts
    this.#key = key
  }

  get isEmpty(): boolean {
    return this.#payloads.length === 0
  }

  /**
   * Encodes them at once, all or none.
   * @param options used when the log begins with these elements, and checked in any case
   * @throws TidemarkError UNENCODABLE; TypeError for undefined, and TypeError or RangeError for wrong options
   */
  add(elements: Iterable<unknown>, options?: SetOptions): void {
    const payloads = Array.from(listOfElements(elements), (element) => this.#encode(element))
    // Most appends begin no log. What is wrong with options is told all the same, and nothing of them is left for later.
    const begun = options && this.#begin(options)
    if (this.isEmpty) this.#begun = begun
    for (const payload of payloads) this.#payloads.push(payload)
  }

  /**
   * What appends them to what is at the key, as readers see it; undefined: to a log that begins with them.
   * @throws TidemarkError WRONG_TYPE; CorruptError
   */
  writes(current: Entry | undefined): readonly Write[] {
    if (current !== undefined) return this.#elements(this.#parts.heads.partsOf(current))
    if (this.isEmpty) return []
    // Of every attempt of the commit the same one.
    const { id, write } = (this.#begun ??= this.#begin(undefined))
    return [write, ...this.#elements(partsKey('element', this.#key, id))]
  }

  #begin(options: SetOptions | undefined): Begun {
    const { codec, clock } = this.#parts
    const id = newId()
    return { id, write: toHeadWrite(codec, clock, this.#key, 'log', { id }, options) }
  }

  #encode(element: unknown): Payload {
    if (element === undefined) {
      throw new TypeError(`undefined means absent and cannot be appended to ${this.#key.id}; append null`)
    }
    return Payload.encode(this.#parts.codec, element)
  }

  #elements(key: StoreKey): readonly Write[] {
    const write = { op: 'set', key, stamped: true, expiresAt: undefined, meta: undefined, path: undefined } as const
    return this.#payloads.map((payload): SetWrite => ({ ...write, payload }))
  }
}
