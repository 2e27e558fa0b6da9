import type { Payload } from '../codec/payload.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { Write } from '../ports/back.ts'
import type { Entry } from '../ports/entry.ts'
import { Appending, type AppendingParts, listOfElements } from './logs/appending.ts'
import { wrongType } from './parts/wrong-type.ts'
import type { SetOptions } from './write-options.ts'

/** Of one key: what is written, and then appended; of a log that is there already, only the latter. */
interface KeyWrites {
  readonly key: StoreKey
  readonly write: Write | undefined
  readonly appending: Appending | undefined
}

/** What a transaction is about to write: of each key what came last, in the place of the first that was written there. */
export class TransactionWrites {
  readonly #parts: AppendingParts
  readonly #keys = new Map<string, KeyWrites>()

  constructor(parts: AppendingParts) {
    this.#parts = parts
  }

  /** What is at the key after these writes; undefined: what is committed there. */
  at({ id }: StoreKey): Payload | 'log' | 'nothing' | undefined {
    const { write, appending } = this.#keys.get(id) ?? {}
    if (appending !== undefined && !appending.isEmpty) return 'log'
    if (write === undefined) return undefined
    return write.op === 'set' ? write.payload : 'nothing'
  }

  put(write: Write): void {
    this.#keys.set(write.key.id, { key: write.key, write, appending: undefined })
  }

  /** @throws TidemarkError WRONG_TYPE, where a value was put; as {@link Appending}; nothing is appended then */
  append(key: StoreKey, elements: Iterable<unknown>, options: SetOptions | undefined): void {
    // First of all: an iterable may be code that writes here itself.
    const all = [...listOfElements(elements)]
    const { write, appending = new Appending(this.#parts, key) } = this.#keys.get(key.id) ?? {}
    if (write?.op === 'set') throw wrongType(key, 'value', 'log')
    appending.add(all, options)
    this.#keys.set(key.id, { key, write, appending })
  }

  /** Whose entries {@link decide} is to be given: those of logs that need not begin here. */
  get reads(): readonly StoreKey[] {
    return [...this.#keys.values()].filter(isOfStandingLog).map(({ key }) => key)
  }

  /** @throws TidemarkError WRONG_TYPE where something else than a log is at a key that is appended to; CorruptError */
  decide(current: readonly (Entry | undefined)[]): readonly Write[] {
    const writes: Write[] = []
    let next = 0
    for (const each of this.#keys.values()) {
      if (each.write !== undefined) writes.push(each.write)
      if (each.appending === undefined) continue
      for (const write of each.appending.writes(isOfStandingLog(each) ? current[next++] : undefined)) writes.push(write)
    }
    return writes
  }
}

/** Whether it is for the entry at the key to say what is appended to. */
function isOfStandingLog({ write, appending }: KeyWrites): boolean {
  return write === undefined && appending !== undefined
}
