import {
  Batcher,
  ClosedError,
  type Key,
  type KeyTuple,
  Payload,
  type StoreKey,
  type UpdateResult,
  userKey,
} from '@tidemark/core'
import { type DeadLetter, deadLetters, type DeadLetterOffice } from '../write-behind/dead-letters.ts'
import { JournalKeys } from '../write-behind/journal-keys.ts'
import { marksJournal } from '../write-behind/journal.ts'
import { MetricCounters, type Metrics } from '../write-behind/metrics.ts'
import { Recovery } from '../write-behind/recovery.ts'
import type { FlushTarget } from '../write-behind/target.ts'
import { Tenure } from '../write-behind/tenure.ts'
import { WriteBuffer } from '../write-behind/write-buffer.ts'
import { type BufferedOptions, resolveBuffered, type ResolvedBuffered } from './buffered-options.ts'
import { askedFor, ConnectorSet } from './connector-set.ts'
import { ConnectorWriter, JournaledConnectors, plainConnectors, recoveredConnectors } from './connector-target.ts'
import type { Connector, ConnectorWrite, Query } from './connector.ts'
import { CHECKPOINT_ID, type Kept, keptCheckpoint, keptFormat, type KeptWrite, keptWrite } from './kept-write.ts'
import { KeyTurns } from './key-turns.ts'
import { migrate, type Migration } from './migration.ts'
import { type Cached, ReadCache } from './read-cache.ts'

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
  const set = new ConnectorSet<A>()
  try {
    for (const connector of all) await set.add(connector, true)
    const buffer = new Buffered(set, resolved)
    await recover(buffer)
    return buffer
  } catch (error) {
    await set.disconnect().catch(() => undefined)
    throw error
  }
}

let recover: <A>(buffer: Buffered<A>) => Promise<void>

/** So many values are read at once. */
const MAX_QUERIES = 1_000

/** A read of connectors under way. */
interface Flight {
  readonly landed: Promise<Payload | undefined>
  /** What it brings may be remembered: nobody has written the key meanwhile. */
  isCurrent: boolean
}

/** See {@link buffered}. */
export class Buffered<A = Key> implements AsyncDisposable {
  static {
    recover = (buffer) => buffer.#recovery?.runFirst() ?? Promise.resolve()
  }

  readonly #connectors: ConnectorSet<A>
  readonly #options: ResolvedBuffered<A>
  readonly #buffer: WriteBuffer<Kept>
  readonly #cache: ReadCache
  readonly #turns = new KeyTurns()
  readonly #flights = new Map<string, Flight>()
  readonly #batcher: Batcher<Query<A>, unknown>
  readonly #metrics = new MetricCounters()
  readonly #office: DeadLetterOffice<Kept> | undefined
  readonly #tenure: Tenure | undefined
  readonly #recovery: Recovery<Kept> | undefined
  /** Of a buffer without a journal. */
  readonly #dead: DeadLetter<Kept>[] = []
  #closing: Promise<Metrics> | undefined

  /** Use {@link buffered}. */
  constructor(connectors: ConnectorSet<A>, options: ResolvedBuffered<A>) {
    this.#connectors = connectors
    this.#options = options
    const { clock, random, onError, limits, cache, codec, journal, leaseMs, presence } = options
    const writer = new ConnectorWriter(connectors.written)
    const now = (): number => clock.now()
    const name =
      options.name ??
      connectors
        .written()
        .map(({ id }) => id)
        .join(',')
    let target: FlushTarget<Kept>
    if (journal === undefined) {
      target = plainConnectors(writer, crypto.randomUUID(), (writes, error) => this.#bury(writes, error))
    } else {
      const office = { back: journal, keys: new JournalKeys(name), format: keptFormat(codec) }
      const tenure = new Tenure({
        back: journal,
        keys: office.keys,
        clock,
        leaseMs,
        record: { by: presence.describe() },
        isInUse: () => !this.#buffer.isIdle,
        onLost: () => {
          this.#buffer.abandon()
          void this.#recovery!.run().catch(() => undefined)
        },
      })
      const parts = { writer, back: journal, office, now }
      target = new JournaledConnectors({ ...parts, journal: marksJournal(office), tenure })
      this.#office = office
      this.#tenure = tenure
      this.#recovery = new Recovery({
        back: journal,
        office,
        clock,
        leaseMs,
        target: (left) => recoveredConnectors(parts, left),
        own: () => tenure.owner,
        isGone: (by) => presence.isGone(by),
        onError,
      })
    }
    this.#buffer = new WriteBuffer({
      name: `the buffer of ${name}`,
      target,
      limits,
      clock,
      random,
      onError,
      onFlushed: (ids) => this.#metrics.flushed(ids),
    })
    this.#cache = new ReadCache(cache, (id) => {
      if (this.#buffer.has(id)) this.#buffer.flushSoon()
    })
    this.#batcher = new Batcher({ run: (queries) => this.#ask(queries), maxItems: MAX_QUERIES })
  }

  /** The value, or undefined when there is none, and only then. What it returns cannot change what another read returns. */
  async get<T = unknown>(args: A): Promise<T | undefined> {
    this.#assertOpen()
    const key = this.#keyOf(args)
    this.#metrics.count('lookups', key.id)
    return (await this.#value(key, args)) as T | undefined
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
   * @throws TypeError for undefined; TidemarkError UNENCODABLE, BUFFER_FULL, and what the journal fails with; nothing has changed then
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
    const key = this.#keyOf(args)
    return this.#turns.take([key.id], async () => {
      this.#metrics.count('lookups', key.id)
      const { payload } = await this.#find(key, args)
      const next = fn(payload?.decode() as T | undefined)
      if (next instanceof Promise) throw new TypeError('an update function must not be async')
      const write = this.#kept(args, next)
      await this.#add([write])
      return { old: payload?.read() as T | undefined, new: write.payload?.read() as T | undefined }
    })
  }

  /**
   * Resolves when everything is persisted that was acknowledged before.
   * @throws FlushFailure: some of it was refused for good, and set aside · what a connector failed with: it is tried again
   */
  flush(): Promise<void> {
    return this.#buffer.flush()
  }

  /**
   * Keeps a state of the application together with what was written before it: it is journaled as they are, and handed to the
   * connectors in the same flush.
   * @throws TypeError when no connector can store it
   */
  async checkpoint(state: unknown): Promise<void> {
    this.#assertOpen()
    if (this.#checkpoints() === undefined) throw new TypeError('no connector of this buffer stores checkpoints')
    await this.#buffer.add([keptCheckpoint(Payload.encode(this.#options.codec, state))])
  }

  /** The last state that was kept; undefined: none was. */
  async lastCheckpoint<T = unknown>(): Promise<T | undefined> {
    this.#assertOpen()
    const kept = this.#buffer.get(CHECKPOINT_ID)?.checkpoint
    return (kept === undefined ? await this.#checkpoints()?.last() : kept.decode()) as T | undefined
  }

  metrics(): Metrics {
    return this.#metrics.snapshot()
  }

  /** Writes that were acknowledged, and refused for good when they were flushed. Without a journal: by this buffer. */
  async *deadLetters(): AsyncGenerator<DeadLetter<ConnectorWrite<A>>> {
    const letters = this.#office === undefined ? this.#dead : deadLetters(this.#office)
    for await (const letter of letters) {
      yield {
        ...letter,
        writes: letter.writes.flatMap((write) => (write.key === undefined ? [] : [toWrite<A>(write)])),
      }
    }
  }

  /**
   * Moves from one connector to another while both are in use: see {@link Migration}.
   * @throws what a connector fails with: the one that was to be left is still in use then, and complete
   */
  async migrate(migration: Migration<A>): Promise<{ readonly copied: number }> {
    this.#assertOpen()
    return migrate(migration, {
      connectors: this.#connectors,
      keyOf: (args) => this.#keyOf(args),
      between: (task) => this.#buffer.between(task),
      settled: async () => void (await Promise.allSettled(Array.from(this.#flights.values(), ({ landed }) => landed))),
    })
  }

  /**
   * Refuses everything else from now on, flushes, and disconnects. Idempotent.
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
      await this.#buffer.close()
      await this.#tenure?.end()
    } catch (error) {
      await this.#tenure?.leave()
      throw error
    } finally {
      await this.#recovery?.close()
      await this.#connectors.disconnect()
    }
    return this.metrics()
  }

  /** In the turn of their keys, so that an update that is under way comes before it. */
  #write(writes: readonly KeptWrite[]): Promise<void> {
    return this.#turns.take(
      writes.map(({ id }) => id),
      () => this.#add(writes),
    )
  }

  async #add(writes: readonly KeptWrite[]): Promise<void> {
    await this.#buffer.add(writes)
    for (const { id, payload } of writes) {
      this.#metrics.count('writes', id)
      const flight = this.#flights.get(id)
      if (flight !== undefined) flight.isCurrent = false
      this.#flights.delete(id)
      this.#cache.put(id, payload)
    }
  }

  async #value(key: StoreKey, args: A): Promise<unknown> {
    const { payload } = await this.#find(key, args)
    return payload && this.#cache.handOut(key.id, payload, payload.read())
  }

  #find(key: StoreKey, args: A): Cached | Promise<Cached> {
    const kept = this.#buffer.get(key.id)
    if (kept?.key !== undefined) return kept
    const cached = this.#cache.get(key.id)
    if (cached !== undefined) return cached
    const flight = this.#flights.get(key.id) ?? this.#fly(key, args)
    return flight.landed.then((payload) => ({ payload }))
  }

  #fly(key: StoreKey, args: A): Flight {
    const flight: Flight = { isCurrent: true, landed: this.#read(key, args).finally(() => this.#land(key, flight)) }
    flight.landed.then(
      (payload) => {
        if (flight.isCurrent) this.#cache.put(key.id, payload)
      },
      () => undefined,
    )
    this.#flights.set(key.id, flight)
    return flight
  }

  #land({ id }: StoreKey, flight: Flight): void {
    if (this.#flights.get(id) === flight) this.#flights.delete(id)
  }

  async #read(key: StoreKey, args: A): Promise<Payload | undefined> {
    this.#metrics.count('reads', key.id)
    const read = await this.#batcher.add({ key: key.tuple, args })
    const value = read === undefined ? await this.#options.load?.(args) : read
    return value === undefined ? undefined : Payload.encode(this.#options.codec, value)
  }

  async #ask(queries: readonly Query<A>[]): Promise<readonly unknown[]> {
    const asked = await Promise.all(this.#connectors.asked().map((connector) => askedFor(connector, queries)))
    if (asked.length === 1) return asked[0]!
    return queries.map(({ args }, i) =>
      this.#options.merge(
        asked.map((values) => values[i]),
        args,
      ),
    )
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

  #checkpoints(): Connector<A>['checkpoints'] {
    return this.#connectors.written().find(({ checkpoints }) => checkpoints !== undefined)?.checkpoints
  }

  #bury(writes: readonly Kept[], error: unknown): void {
    const code = (error as { readonly code?: unknown } | undefined)?.code
    this.#dead.push({
      id: crypto.randomUUID(),
      at: new Date(this.#options.clock.now()),
      error: {
        message: error instanceof Error ? error.message : String(error),
        code: typeof code === 'string' ? code : undefined,
      },
      writes,
    })
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new ClosedError('the buffer')
  }
}

function toWrite<A>({ key, args, payload }: KeptWrite): ConnectorWrite<A> {
  const tuple: KeyTuple = key.tuple
  return { key: tuple, args: (args === undefined ? tuple : args.read()) as A, value: payload?.read() }
}

function checked(value: unknown): unknown {
  if (value === undefined)
    throw new TypeError('undefined means absent and cannot be stored; delete the key, or store null')
  return value
}
