import type { Clock } from '../clock.ts'
import { ConflictError } from '../errors.ts'
import type { Key } from '../keys/key.ts'
import { userKey } from '../keys/reserved.ts'
import type { StoreKey } from '../keys/store-key.ts'
import { assertKnown, wholeAtLeast } from '../options/checks.ts'
import type { Commit, Proposal, ReadOptions, Write } from '../ports/back.ts'
import type { Entry } from '../ports/entry.ts'
import { readValue, type StoreEntry, toStoreEntry } from './entry-view.ts'
import { LogHeads } from './logs/log-heads.ts'
import type { PartStore } from './parts/part-store.ts'
import { wrongType } from './parts/wrong-type.ts'
import { commitSeen } from './seen-commit.ts'
import { TransactionWrites } from './transaction-writes.ts'
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
  /** The append log at a key, to be appended to. */
  log<T = unknown>(key: Key): TransactionLog<T>
}

/**
 * An append log in a transaction: what is appended is committed with everything else that the transaction writes, each
 * element as a change of its own, those of one log side by side. An append reads nothing, and so conflicts with nothing;
 * elements are not read here.
 *
 * From its first element on, there is a log at the key for this transaction: `has` says so, and `get` is WRONG_TYPE. What
 * comes last counts: a `set` or `delete` after it takes the elements back, and after a `delete` another log begins. When
 * the key holds a value or a blob, the commit rejects with WRONG_TYPE, and nothing is written.
 */
export interface TransactionLog<T = unknown> {
  /**
   * @param options as of `store.log(key).append`: of the log, and used by the append that begins it
   * @throws TidemarkError WRONG_TYPE where this transaction has set a value; UNENCODABLE; TypeError for undefined
   */
  append(element: T, options?: SetOptions): void
  /** @throws as {@link append} */
  appendMany(elements: Iterable<T> & object, options?: SetOptions): void
}

/** What a transaction needs of the store that it is in. */
export interface TransactionParts<R extends ReadOptions = ReadOptions, W extends object = object> extends Pick<
  PartStore<R, W>,
  'back' | 'visibility' | 'clock'
> {
  /** Of a whole store, which removes what logs leave behind that are appended to. @default that is for `sweep` to do */
  readonly logs?: Pick<PartStore<R, W>, 'collector' | 'heads'> | undefined
}

/** Optimistic: reads are recorded with their versions, which the commit finds unchanged or refuses. */
export async function runTransaction<T, R extends ReadOptions, W extends object>(
  parts: TransactionParts<R, W>,
  fn: (tx: Transaction) => Promise<T> | T,
  options?: TransactionOptions & W,
): Promise<{ readonly value: T; readonly commit: Commit }> {
  const attempts = wholeAtLeast('option attempts', options?.attempts ?? 10, 1)
  for (let attempt = 1; ; attempt++) {
    const tx = new TransactionAttempt(parts)
    const value = await fn(tx)
    try {
      return { value, commit: await tx.commit(options) }
    } catch (error) {
      if (attempt === attempts || !(error instanceof ConflictError)) throw error
      await backOff(parts.clock, attempt)
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
  readonly #parts: TransactionParts<R, W>
  readonly #reads = new Map<string, { readonly key: StoreKey; readonly entry: Entry | undefined }>()
  readonly #writes: TransactionWrites
  #ended = false

  constructor(parts: TransactionParts<R, W>) {
    this.#parts = parts
    const { back, clock, logs } = parts
    this.#writes = new TransactionWrites({ codec: back.codec, clock, heads: logs?.heads ?? new LogHeads() })
  }

  async get<T = unknown>(key: Key): Promise<T | undefined> {
    const storeKey = userKey(key)
    const written = this.#writes.at(storeKey)
    if (written === 'log') throw wrongType(storeKey, 'log', 'value')
    if (written !== undefined) return (written === 'nothing' ? undefined : written.read()) as T | undefined
    const entry = await this.#read(storeKey)
    return (entry && readValue(entry)) as T | undefined
  }

  async entry<T = unknown>(key: Key): Promise<StoreEntry<T> | undefined> {
    const entry = await this.#read(userKey(key))
    return entry && toStoreEntry<T>(entry)
  }

  async has(key: Key): Promise<boolean> {
    const storeKey = userKey(key)
    const written = this.#writes.at(storeKey)
    return written === undefined ? (await this.#read(storeKey)) !== undefined : written !== 'nothing'
  }

  set(key: Key, value: unknown, options?: SetOptions): void {
    this.#assertRunning()
    if (options !== undefined) assertKnown(options, SET_OPTIONS, 'set')
    const { back, clock } = this.#parts
    this.#writes.put(toSetWrite(back.codec, clock, userKey(key), value, options))
  }

  delete(key: Key): void {
    this.#assertRunning()
    this.#writes.put({ op: 'delete', key: userKey(key) })
  }

  log<T = unknown>(key: Key): TransactionLog<T> {
    const storeKey = userKey(key)
    const appendMany = (elements: Iterable<T>, options?: SetOptions): void => {
      this.#assertRunning()
      if (options !== undefined) assertKnown(options, SET_OPTIONS, 'append')
      this.#writes.append(storeKey, elements, options)
      this.#parts.logs?.collector.watch(storeKey)
    }
    return { append: (element, options) => appendMany([element], options), appendMany }
  }

  /** Nothing of it is committed. */
  end(): void {
    this.#ended = true
  }

  /** @throws ConflictError: what was read has changed; WRONG_TYPE: what was appended to is no log; what `Back.commit` throws */
  commit(options?: W, beside?: BesideWrites): Promise<Commit> {
    this.#ended = true
    const { back, clock } = this.#parts
    const reads = [...this.#reads.values()]
    const decide = (current: readonly (Entry | undefined)[]): readonly Write[] => {
      for (const [i, { key, entry }] of reads.entries()) {
        const seen = entry?.version ?? 0
        const now = current[i]?.version ?? 0
        if (seen !== now) throw new ConflictError(key.id, seen, now)
      }
      return this.#writes.decide(current.slice(reads.length))
    }
    const proposal = { ...beside, reads: [...reads.map(({ key }) => key), ...this.#writes.reads], decide }
    return commitSeen(back, clock, proposal, options)
  }

  async #read(key: StoreKey): Promise<Entry | undefined> {
    this.#assertRunning()
    const known = this.#reads.get(key.id)
    if (known !== undefined) return known.entry
    // From the back tier: a front that is behind would make every attempt end in the same conflict.
    const linearizable = { consistency: 'linearizable' } as R
    const { back, visibility } = this.#parts
    const found = await back.readOne(key, linearizable)
    const entry = await visibility.see(found.entry, linearizable)
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
