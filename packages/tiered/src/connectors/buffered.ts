import { ClosedError, type Key, Payload, type StoreKey, type UpdateResult, userKey } from '@tidemark/core'
import type { DeadLetter } from '../write-behind/dead-letters.ts'
import { JournalKeys } from '../write-behind/journal-keys.ts'
import { MetricCounters, type Metrics } from '../write-behind/metrics.ts'
import { type BufferedOptions, resolveBuffered, type ResolvedBuffered } from './buffered-options.ts'
import { toConnectorWrite } from './connector-lane.ts'
import { ConnectorReads, copyOf } from './connector-reads.ts'
import { ConnectorSet } from './connector-set.ts'
import type { Connector, ConnectorWrite } from './connector.ts'
import { CHECKPOINT_ID, keptCheckpoint, type KeptWrite, keptWrite } from './kept-write.ts'
import { KeyTurns } from './key-turns.ts'
import { anotherMigration, assertMigration, type Migrated, type Migration, MigrationRun } from './migration.ts'
import { Persistence } from './persistence.ts'

/**
 * A buffer before something that persists values: what is read is remembered, what is written is read back at once, and
 * persisted later, the last value of each key, together with the others.
 *
 * @throws TypeError or RangeError for an option that is wrong; what a connector fails to connect with, or refuses of what others
 * have left in the journal: it comes before everything that is written from now on
 */
export async function buffered<A = Key>(
  connectors: Connector<A> | readonly Connector<A>[],
  options: BufferedOptions<A> = {},
): Promise<Buffered<A>> {
  const resolved = resolveBuffered(options)
  const all = Array.isArray(connectors) ? (connectors as readonly Connector<A>[]) : [connectors as Connector<A>]
  if (all.length === 0) throw new TypeError('buffered() needs a connector')
  const set = new ConnectorSet<A>(resolved.clock, resolved.timeoutMs)
  try {
    for (const connector of all) {
      const added = set.add(connector, true)
      try {
        await added.connect()
      } catch (error) {
        set.remove(added.id)
        throw error
      }
    }
    const buffer = new Buffered(set, resolved, await nameOf(set.named(), resolved))
    await open(buffer)
    return buffer
  } catch (error) {
    await set.disconnect().catch(() => undefined)
    throw error
  }
}

/** A buffer that has moved to these connectors has kept its name, under which its journal lies. */
async function nameOf<A>(connectors: string, { name, journal }: ResolvedBuffered<A>): Promise<string> {
  if (name !== undefined) return name
  const [moved] = (await journal?.marks.read([new JournalKeys(connectors).name])) ?? []
  return (moved?.decode() as string | undefined) ?? connectors
}

let open: <A>(buffer: Buffered<A>) => Promise<void>

/** What a connector has refused for good. */
export interface BufferedLetter<A = Key> extends DeadLetter<ConnectorWrite<A>> {
  /** The state that was kept together with the writes, or without any; undefined: there was none. */
  readonly checkpoint: { readonly state: unknown } | undefined
}

/** See {@link buffered}. */
export class Buffered<A = Key> implements AsyncDisposable {
  static {
    open = (buffer) => buffer.#persistence.open()
  }

  readonly #connectors: ConnectorSet<A>
  readonly #options: ResolvedBuffered<A>
  readonly #name: string
  readonly #persistence: Persistence<A>
  readonly #reads: ConnectorReads<A>
  readonly #turns = new KeyTurns()
  readonly #metrics = new MetricCounters()
  #migrating: { readonly ended: Promise<unknown>; readonly callOff: AbortController } | undefined
  #closing: Promise<Metrics> | undefined

  /** Use {@link buffered}. */
  constructor(connectors: ConnectorSet<A>, options: ResolvedBuffered<A>, name: string) {
    this.#connectors = connectors
    this.#options = options
    this.#name = name
    this.#persistence = new Persistence({
      connectors,
      name,
      options,
      onTaken: (writes) => {
        for (const write of writes) if (write.key !== undefined) this.#reads.wrote(write.id, write.payload)
      },
      onFlushed: (ids) => this.#metrics.flushed(ids),
      onRefused: (writes) => {
        for (const { id } of writes) this.#reads.forget(id)
      },
    })
    const { buffer } = this.#persistence
    this.#reads = new ConnectorReads({
      options,
      asked: () => connectors.asked,
      waiting: (id) => buffer.get(id),
      onEvict: (id) => {
        if (buffer.has(id)) buffer.flushSoon()
      },
      metrics: this.#metrics,
    })
  }

  /** The value, or undefined when there is none, and only then. What it returns cannot change what another read returns. */
  async get<T = unknown>(args: A): Promise<T | undefined> {
    this.#assertOpen()
    const key = this.#keyOf(args)
    this.#metrics.count('lookups', key.id)
    return (await this.#reads.value(key, args)) as T | undefined
  }

  async has(args: A): Promise<boolean> {
    return (await this.get(args)) !== undefined
  }

  /** In the order of the arguments. */
  async getMany<T = unknown>(all: Iterable<A>): Promise<readonly (T | undefined)[]> {
    return Promise.all(Array.from(all, (args) => this.get<T>(args)))
  }

  /**
   * Resolves when it is journaled, where there is a journal, and otherwise at once.
   * @throws TypeError for undefined; TidemarkError UNENCODABLE, BUFFER_FULL, and what the journal fails with; nothing has
   * changed then
   */
  async set(args: A, value: unknown): Promise<void> {
    this.#assertOpen()
    return this.#write([this.#kept(args, checked(value))])
  }

  /** All of them, or none; they are flushed together. */
  async setMany(items: Iterable<readonly [args: A, value: unknown]>): Promise<void> {
    this.#assertOpen()
    const writes = Array.from(items, ([args, value]) => this.#kept(args, checked(value)))
    if (writes.length > 0) await this.#write(writes)
  }

  /** What is deleted is absent: `load` makes it again, where it is given. */
  async delete(args: A): Promise<void> {
    this.#assertOpen()
    return this.#write([this.#kept(args, undefined)])
  }

  /**
   * Replaces the value by `fn` of it, one after the other per key. `fn` gets a copy of its own, or undefined when there is no
   * value; returning undefined deletes. @throws what `fn` throws; nothing is written then
   */
  async update<T = unknown>(
    args: A,
    fn: (old: T | undefined) => T | undefined,
  ): Promise<Pick<UpdateResult<T>, 'old' | 'new'>> {
    this.#assertOpen()
    const { key, args: kept } = this.#kept(args, undefined)
    const asked = copyOf(key, args, this.#options)
    return this.#turns.take([key.id], true, async (place) => {
      this.#metrics.count('lookups', key.id)
      const { payload } = await this.#reads.find(key, asked)
      const next = fn(payload?.decode() as T | undefined)
      if (next instanceof Promise) throw new TypeError('an update function must not be async')
      const value = next === undefined ? undefined : Payload.encode(this.#options.codec, next)
      const added = this.#add([keptWrite(key, kept, value)])
      place()
      await added
      return { old: payload?.read() as T | undefined, new: value?.read() as T | undefined }
    })
  }

  /**
   * Resolves when every connector has everything that was acknowledged before.
   * @throws ConnectorError of one that fails: it is tried again, and the others have it · FlushFailure: some of it was refused for
   * good, and set aside
   */
  async flush(): Promise<void> {
    this.#assertOpen()
    return this.#persistence.buffer.flush()
  }

  /**
   * Keeps a state of the application together with what was written before it: it is journaled as they are, and handed to the
   * connectors with them, or after them.
   * @throws TypeError when no connector can store it
   */
  async checkpoint(state: unknown): Promise<void> {
    this.#assertOpen()
    if (!this.#connectors.all.some(({ storesCheckpoints }) => storesCheckpoints))
      throw new TypeError('no connector of this buffer stores checkpoints')
    await this.#persistence.buffer.add([keptCheckpoint(Payload.encode(this.#options.codec, state))])
  }

  /** The last state that was kept; undefined: none was. */
  async lastCheckpoint<T = unknown>(): Promise<T | undefined> {
    this.#assertOpen()
    const kept = this.#persistence.buffer.get(CHECKPOINT_ID)?.checkpoint
    if (kept !== undefined) return kept.decode() as T
    return (await this.#connectors.asked.find(({ storesCheckpoints }) => storesCheckpoints)?.lastCheckpoint()) as T
  }

  /** Of several connectors, each has its own flushes. */
  metrics(): Metrics {
    return this.#metrics.snapshot()
  }

  /** Writes that were acknowledged, and refused for good when they were flushed. Without a journal: the latest 1,000. */
  async *deadLetters(): AsyncGenerator<BufferedLetter<A>> {
    for await (const letter of this.#persistence.letters.all()) {
      const state = letter.writes.find(({ checkpoint }) => checkpoint !== undefined)?.checkpoint
      yield {
        ...letter,
        writes: letter.writes.flatMap((write) => (write.key === undefined ? [] : [toConnectorWrite<A>(write)])),
        checkpoint: state && { state: state.read() },
      }
    }
  }

  /**
   * Writes what a dead letter holds once more, whatever is there, and removes it.
   * @returns whether there was one @throws CorruptError when it is damaged, and holds `bytes` that nobody can write
   */
  async redeem(id: string): Promise<boolean> {
    this.#assertOpen()
    const { letters, buffer } = this.#persistence
    const letter = await letters.get(id)
    if (letter === undefined) return false
    const writes = letter.writes.flatMap((write) => (write.key === undefined ? [] : [write]))
    if (writes.length > 0) await this.#write(writes)
    const states = letter.writes.filter(({ checkpoint }) => checkpoint !== undefined)
    if (states.length > 0) await buffer.add(states)
    return letters.drop(id)
  }

  /** @returns whether there was one */
  async dropDeadLetter(id: string): Promise<boolean> {
    this.#assertOpen()
    return this.#persistence.letters.drop(id)
  }

  /**
   * Moves from one connector to another while both are in use: see {@link Migration}.
   * @throws ConnectorError; what `all` throws; the reason of `signal`; ClosedError: the buffer was closed. The one that was to be
   * left is still in use then, and complete
   */
  async migrate(migration: Migration<A>): Promise<Migrated> {
    this.#assertOpen()
    assertMigration(migration)
    if (this.#migrating !== undefined) throw anotherMigration()
    const callOff = new AbortController()
    const { signal } = migration
    signal?.throwIfAborted()
    const { buffer, bury } = this.#persistence
    const run = new MigrationRun(
      migration,
      {
        connectors: this.#connectors,
        keyOf: (args) => this.#keyOf(args),
        buffer,
        laneTo: (connector) => this.#persistence.laneTo(connector),
        bury: (by, args, value, error) => bury(by, [this.#kept(args, value)], error),
        rename: (connectors) => this.#rename(connectors),
        forget: (id) => this.#reads.forget(id),
        landed: () => this.#reads.landed(),
        onError: this.#options.onError,
      },
      signal === undefined ? callOff.signal : AbortSignal.any([signal, callOff.signal]),
    ).run()
    this.#migrating = { ended: run, callOff }
    try {
      return await run
    } finally {
      this.#migrating = undefined
    }
  }

  /**
   * Refuses everything else from now on, calls a migration off, flushes, and disconnects. Idempotent.
   * @throws what the flush failed with: without a journal, it is lost then
   */
  close(): Promise<Metrics> {
    return (this.#closing ??= this.#close())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<Metrics> {
    try {
      this.#migrating?.callOff.abort(new ClosedError('the buffer'))
      await this.#migrating?.ended.catch(() => undefined)
      // What was asked for before it was closed.
      await this.#turns.ended()
      await this.#persistence.close()
    } finally {
      await this.#connectors.disconnect()
    }
    return this.metrics()
  }

  async #rename(connectors: string): Promise<void> {
    const { name, journal, codec } = this.#options
    if (name !== undefined || journal === undefined) return
    const { name: key } = new JournalKeys(connectors)
    await journal.marks.write([{ key, value: Payload.encode(codec, this.#name) }])
  }

  /** After the updates of their keys that were asked for before. */
  #write(writes: readonly KeptWrite[]): Promise<void> {
    const ids = writes.map(({ id }) => id)
    return this.#turns.take(ids, false, (place) => {
      const added = this.#add(writes)
      place()
      return added
    })
  }

  async #add(writes: readonly KeptWrite[]): Promise<void> {
    await this.#persistence.buffer.add(writes)
    for (const { id } of writes) this.#metrics.count('writes', id)
  }

  #keyOf(args: A): StoreKey {
    const { keyOf } = this.#options
    return userKey(keyOf === undefined ? (args as Key) : keyOf(args))
  }

  #kept(args: A, value: unknown): KeptWrite {
    const { codec, keyOf } = this.#options
    const payload = value === undefined ? undefined : Payload.encode(codec, value)
    return keptWrite(this.#keyOf(args), keyOf && Payload.encode(codec, args), payload)
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new ClosedError('the buffer')
  }
}

function checked(value: unknown): unknown {
  if (value === undefined)
    throw new TypeError('undefined means absent and cannot be stored; delete the key, or store null')
  return value
}
