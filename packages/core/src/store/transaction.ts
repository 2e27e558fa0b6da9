import type { Clock } from '../clock.ts'
import { ConflictError } from '../errors.ts'
import type { Key } from '../keys/key.ts'
import { userKey } from '../keys/reserved.ts'
import type { StoreKey } from '../keys/store-key.ts'
import { assertKnown, wholeAtLeast } from '../options/checks.ts'
import type { Back, Commit, Proposal, ReadOptions, Write } from '../ports/back.ts'
import type { Entry } from '../ports/entry.ts'
import { readValue, type StoreEntry, toStoreEntry } from './entry-view.ts'
import { commitSeen } from './seen-commit.ts'
import type { Visibility } from './visibility.ts'
import { SET_OPTIONS, type SetOptions, toSetWrite } from './write-options.ts'

/** How a transaction deals with conflicts. */
export interface TransactionOptions {
  /** How often the function may run before the conflict is reported. @default 10 */
  readonly attempts?: number
}

export const TRANSACTION_OPTIONS: readonly (keyof TransactionOptions)[] = ['attempts']

/** What a transaction's function works with. `get` and `has` see what it wrote itself; nobody else does before the commit. */
export interface Transaction {
  get<T = unknown>(key: Key): Promise<T | undefined>
  /**
   * What is committed at the key, with its version and dates, whatever this transaction wrote there: what it writes has
   * no version before the commit.
   */
  entry<T = unknown>(key: Key): Promise<StoreEntry<T> | undefined>
  has(key: Key): Promise<boolean>
  set(key: Key, value: unknown, options?: SetOptions): void
  delete(key: Key): void
}

/** Optimistic: reads are recorded with their versions, which the commit finds unchanged or refuses. */
export async function runTransaction<T, R extends ReadOptions, W extends object>(
  back: Back<R, W>,
  visibility: Visibility<R>,
  clock: Clock,
  fn: (tx: Transaction) => Promise<T> | T,
  options?: TransactionOptions & W,
): Promise<{ readonly value: T; readonly commit: Commit }> {
  const attempts = wholeAtLeast('option attempts', options?.attempts ?? 10, 1)
  for (let attempt = 1; ; attempt++) {
    const tx = new TransactionAttempt(back, visibility, clock)
    const value = await fn(tx)
    try {
      return { value, commit: await tx.commit(options) }
    } catch (error) {
      if (attempt === attempts || !(error instanceof ConflictError)) throw error
      await backOff(clock, attempt)
    }
  }
}

/** What is committed together with a transaction's writes, and on which condition. */
export type BesideWrites = Pick<Proposal, 'lease' | 'keepLease' | 'marks'>

/**
 * One attempt of a transaction, for who decides by himself when to try again. Ends with its commit, or with `end`: whoever
 * still writes to it then, because nobody waited for him, gets a TypeError.
 */
export class TransactionAttempt<R extends ReadOptions = ReadOptions, W extends object = object> implements Transaction {
  readonly #back: Back<R, W>
  readonly #visibility: Visibility<R>
  readonly #clock: Clock
  readonly #reads = new Map<string, { readonly key: StoreKey; readonly entry: Entry | undefined }>()
  readonly #writes = new Map<string, Write>()
  #ended = false

  constructor(back: Back<R, W>, visibility: Visibility<R>, clock: Clock) {
    this.#back = back
    this.#visibility = visibility
    this.#clock = clock
  }

  async get<T = unknown>(key: Key): Promise<T | undefined> {
    const storeKey = userKey(key)
    const written = this.#writes.get(storeKey.id)
    if (written !== undefined) {
      return (written.op === 'set' ? written.payload.read() : undefined) as T
    }
    const entry = await this.#read(storeKey)
    return (entry && readValue(entry)) as T | undefined
  }

  async entry<T = unknown>(key: Key): Promise<StoreEntry<T> | undefined> {
    const entry = await this.#read(userKey(key))
    return entry && toStoreEntry<T>(entry)
  }

  async has(key: Key): Promise<boolean> {
    const storeKey = userKey(key)
    const written = this.#writes.get(storeKey.id)
    return written === undefined ? (await this.#read(storeKey)) !== undefined : written.op === 'set'
  }

  set(key: Key, value: unknown, options?: SetOptions): void {
    this.#assertRunning()
    if (options !== undefined) assertKnown(options, SET_OPTIONS, 'set')
    const storeKey = userKey(key)
    this.#writes.set(storeKey.id, toSetWrite(this.#back.codec, this.#clock, storeKey, value, options))
  }

  delete(key: Key): void {
    this.#assertRunning()
    const storeKey = userKey(key)
    this.#writes.set(storeKey.id, { op: 'delete', key: storeKey })
  }

  /** Nothing of it is committed. */
  end(): void {
    this.#ended = true
  }

  /** @throws ConflictError: what was read has changed; what `Back.commit` throws */
  commit(options?: W, beside?: BesideWrites): Promise<Commit> {
    this.#ended = true
    const reads = [...this.#reads.values()]
    const writes = [...this.#writes.values()]
    const decide = (current: readonly (Entry | undefined)[]): readonly Write[] => {
      for (const [i, { key, entry }] of reads.entries()) {
        const seen = entry?.version ?? 0
        const now = current[i]?.version ?? 0
        if (seen !== now) throw new ConflictError(key.id, seen, now)
      }
      return writes
    }
    const proposal = { ...beside, reads: reads.map((read) => read.key), decide }
    return commitSeen(this.#back, this.#clock, proposal, options)
  }

  async #read(key: StoreKey): Promise<Entry | undefined> {
    this.#assertRunning()
    const known = this.#reads.get(key.id)
    if (known !== undefined) return known.entry
    // From the back tier: a front that is behind would make every attempt end in the same conflict.
    const linearizable = { consistency: 'linearizable' } as R
    const found = await this.#back.readOne(key, linearizable)
    const entry = await this.#visibility.see(found.entry, linearizable)
    const first = this.#reads.get(key.id)
    if (first !== undefined) return first.entry
    this.#reads.set(key.id, { key, entry })
    return entry
  }

  #assertRunning(): void {
    if (this.#ended) throw new TypeError('this transaction has ended; await everything inside of its function')
  }
}

/** Waits up to 1, 2, 4 … 64 ms, at random, so that competing transactions come apart. */
function backOff(clock: Clock, attempt: number): Promise<void> {
  return clock.sleep(Math.random() * 2 ** Math.min(attempt - 1, 6))
}
