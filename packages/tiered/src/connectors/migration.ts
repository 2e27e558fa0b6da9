import { callback, port, type StoreKey, TidemarkError } from '@tidemark/core'
import type { WriteBuffer } from '../write-behind/write-buffer.ts'
import type { BoundedConnector } from './bounded-connector.ts'
import { isRefusal } from './connector-error.ts'
import type { ConnectorSet } from './connector-set.ts'
import type { Connector, ConnectorWrite } from './connector.ts'
import { CHECKPOINT_ID, type Kept } from './kept-write.ts'

/** So many values are copied between two flushes. */
const BATCH = 100

/**
 * From one connector to another, live: the new one joins, what the old one has is copied, it hands over, and leaves. Until then
 * the old one gets everything and answers every read; when the migration fails, is called off, or the process dies, it is
 * complete, and the only one: open with it, and migrate again.
 */
export interface Migration<A> {
  /** The id of the connector to leave. */
  readonly from: string
  readonly to: Connector<A>
  /**
   * The arguments of every value that the old one has. What is written meanwhile may be left out, or not. What the old one does
   * not have is deleted in the new one, where a migration that came to no end may have left it.
   */
  readonly all: Iterable<A> | AsyncIterable<A>
  /** Calls it off, until it hands over. */
  readonly signal?: AbortSignal | undefined
  /** Called now and then. What it throws calls the migration off. */
  readonly onProgress?: ((progress: Migrated) => void) | undefined
}

export interface Migrated {
  /** Values that the new one has taken, or gets with the next flush. */
  readonly copied: number
  /** Values that it has refused for good: they are set aside as dead letters. */
  readonly refused: number
}

export interface MigrationParts<A> {
  readonly connectors: ConnectorSet<A>
  readonly keyOf: (args: A) => StoreKey
  readonly buffer: Pick<WriteBuffer<Kept>, 'join' | 'leave' | 'between' | 'flushTo' | 'get'>
  readonly laneTo: (connector: BoundedConnector<A>) => Parameters<WriteBuffer<Kept>['join']>[1]
  readonly bury: (by: string, args: A, value: unknown, error: unknown) => Promise<void>
  /** Notes where the journal is found by who opens with these connectors. */
  readonly rename: (connectors: string) => Promise<void>
  /** What is remembered of a key is not what connectors have. */
  readonly forget: (id: string) => void
  /** Resolves when no read is under way that has begun before. */
  readonly landed: () => Promise<void>
  readonly onError: (error: unknown) => void
}

/** @throws TypeError for what is wrong with it */
export function assertMigration<A>(migration: Migration<A>): void {
  const { all, onProgress } = port('a migration', migration, [])
  const isListed = typeof all === 'object' && all !== null && (Symbol.iterator in all || Symbol.asyncIterator in all)
  if (!isListed) throw new TypeError('a migration needs `all`: the arguments of every value, one after the other')
  if (onProgress !== undefined) callback('option onProgress', onProgress)
}

export class MigrationRun<A> {
  readonly #migration: Migration<A>
  readonly #parts: MigrationParts<A>
  readonly #source: BoundedConnector<A>
  readonly #target: BoundedConnector<A>
  readonly #joined: Promise<void>
  readonly #signal: AbortSignal
  /** Not that of a migration before this one: whoever remembers tokens would not take what has changed since. */
  readonly #id: string = crypto.randomUUID()
  #writes = 0
  #copied = 0
  readonly #refused = new Set<string>()
  #isConnected = false

  /** From here on the new one gets what the old one gets. @throws TypeError */
  constructor(migration: Migration<A>, parts: MigrationParts<A>, signal: AbortSignal) {
    this.#migration = migration
    this.#parts = parts
    this.#signal = signal
    const { connectors, buffer, laneTo } = parts
    this.#source = connectors.get(migration.from)
    const target = connectors.add(migration.to, false)
    this.#target = target
    buffer.join(target.id, laneTo(target))
    // What is written meanwhile waits until it is connected.
    this.#joined = buffer.between(target.id, async () => {
      await target.connect()
      this.#isConnected = true
    })
  }

  /** @throws what a connector fails with, and what calls it off: then it never was */
  async run(): Promise<Migrated> {
    const { connectors, buffer, forget, landed, onError } = this.#parts
    try {
      await this.#joined
      await this.#copyAll()
      await buffer.flushTo(this.#target.id)
      await this.#copyCheckpoint()
      this.#signal.throwIfAborted()
      await this.#parts.rename(connectors.named(this.#source.id, this.#target.id))
    } catch (error) {
      await this.#callOff()
      throw error
    }
    connectors.replace(this.#source.id, this.#target)
    // The old one had it.
    for (const id of this.#refused) forget(id)
    // Those that have asked the old one.
    await landed()
    // Nobody is told yet that it is over: what the old one does not get any more stays in the journal until then.
    await buffer.between(this.#target.id, async () => {
      await buffer.leave(this.#source.id)
      await this.#source.disconnect().catch(onError)
    })
    return this.#progress
  }

  get #progress(): Migrated {
    return { copied: this.#copied, refused: this.#refused.size }
  }

  async #callOff(): Promise<void> {
    const { connectors, buffer } = this.#parts
    await buffer.leave(this.#target.id)
    connectors.remove(this.#target.id)
    // Why it is called off is told, and not what becomes of who has nothing to do with it any more.
    if (this.#isConnected) await this.#target.disconnect().catch(() => undefined)
  }

  async #copyAll(): Promise<void> {
    const { all, onProgress } = this.#migration
    const iterator = Symbol.asyncIterator in all ? all[Symbol.asyncIterator]() : all[Symbol.iterator]()
    const called = abortOf(this.#signal)
    try {
      for (let isOver = false; !isOver;) {
        const batch: A[] = []
        while (batch.length < BATCH && !isOver) {
          // Whoever lists them may wait for something that never comes.
          const next = await Promise.race([called.promise, iterator.next()])
          if (next.done === true) isOver = true
          else batch.push(next.value)
        }
        this.#signal.throwIfAborted()
        await this.#copy(batch)
        onProgress?.(this.#progress)
      }
    } catch (error) {
      void Promise.resolve(iterator.return?.()).catch(() => undefined)
      throw error
    } finally {
      called.stop()
    }
  }

  /**
   * Nothing is flushed to the new one meanwhile. What waits to be flushed, to whomever, is newer than what the old one has: it is
   * left to the flush, before the old one is asked and after it has answered.
   */
  async #copy(batch: readonly A[]): Promise<void> {
    const { buffer, keyOf } = this.#parts
    const known = new Map(batch.map((args) => [keyOf(args), args]))
    await buffer.between(this.#target.id, async () => {
      const queries = Array.from(known, ([{ id, tuple }, args]) => ({ id, key: tuple, args }))
      const asked = queries.filter(({ id }) => !this.#isWaiting(id))
      if (asked.length === 0) return
      const values = await this.#source.read(asked.map(({ key, args }) => ({ key, args })))
      const writes = asked.map(({ id, key, args }, i) => ({ id, write: { key, args, value: values[i] } }))
      await this.#deliver(writes.filter(({ id }) => !this.#isWaiting(id)).map(({ write }) => write))
    })
  }

  #isWaiting(id: string): boolean {
    const waiting = this.#parts.buffer.get(id)
    if (waiting?.key !== undefined && waiting.payload !== undefined) this.#copied++
    return waiting !== undefined
  }

  /** What is refused for good is found by trying smaller parts, and set aside. */
  async #deliver(writes: readonly ConnectorWrite<A>[]): Promise<void> {
    if (writes.length === 0) return
    try {
      await this.#write(writes, undefined)
      this.#copied += writes.filter(({ value }) => value !== undefined).length
    } catch (error) {
      if (!isRefusal(error)) throw error
      if (writes.length === 1) {
        const [{ args, value }] = writes as [ConnectorWrite<A>]
        await this.#parts.bury(this.#target.id, args, value, error.cause)
        this.#refused.add(this.#parts.keyOf(args).id)
        return
      }
      const middle = Math.ceil(writes.length / 2)
      await this.#deliver(writes.slice(0, middle))
      await this.#deliver(writes.slice(middle))
    }
  }

  async #copyCheckpoint(): Promise<void> {
    const { buffer } = this.#parts
    if (!this.#source.storesCheckpoints || !this.#target.storesCheckpoints) return
    await buffer.between(this.#target.id, async () => {
      if (buffer.get(CHECKPOINT_ID) !== undefined) return
      const state = await this.#source.lastCheckpoint()
      if (state !== undefined && buffer.get(CHECKPOINT_ID) === undefined) await this.#write([], { state })
    })
  }

  #write(writes: readonly ConnectorWrite<A>[], checkpoint: { readonly state: unknown } | undefined): Promise<void> {
    const token = `migration:${this.#id}:${this.#writes++}`
    return this.#target.write(writes, { token, fence: undefined, checkpoint })
  }
}

/** Rejects when the signal is aborted. */
function abortOf(signal: AbortSignal): { readonly promise: Promise<never>; readonly stop: () => void } {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => undefined)
  const abort = (): void => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort)
  return { promise, stop: () => signal.removeEventListener('abort', abort) }
}

export function anotherMigration(): TidemarkError {
  return new TidemarkError('BUSY', 'one migration at a time: another one is under way', { retryable: true })
}
