import {
  type ApplyMode,
  ClosedError,
  type Fill,
  type Found,
  type FrontInspection,
  type FrontLook,
  type FrontOutcome,
  type FrontRecordPage,
  type FrontSession,
  type FrontStart,
  keepAlive,
  type LogChange,
  type SharedTailStep,
  type StoreKey,
  TidemarkError,
} from '@tidemark/core'
import { Calls } from './calls.ts'
import { Connection } from './connection.ts'
import { withinDeadline } from './deadline.ts'
import { inspectKey } from './inspect-key.ts'
import { type Keyspace, keyspaceOf } from './keyspace.ts'
import type { Link } from './link.ts'
import { Listeners } from './listeners.ts'
import { MetaLifetime } from './meta-lifetime.ts'
import { type Meta, META_FIELDS, readMeta } from './meta.ts'
import type { ResolvedFrontOptions } from './options.ts'
import { Quarantine } from './quarantine.ts'
import { readRecords } from './read-records.ts'
import { readRecordPage } from './record-pages.ts'
import { RecordWriter } from './record-writer.ts'
import type {
  RedisFront,
  RedisFrontEvent,
  RedisFrontListener,
  RedisFrontStats,
  RedisFrontStatus,
} from './redis-front.ts'
import { Room } from './room.ts'
import { IDENTITY, readServer } from './server-identity.ts'
import { Sessions } from './sessions.ts'
import { StartAnew } from './start-anew.ts'

/** How long after a server refused it is asked again whether it is of use. */
const PROBE_EVERY_MS = 100

export class RedisSharedFront implements RedisFront {
  readonly name: string
  readonly agreedAs: string
  readonly #options: ResolvedFrontOptions
  readonly #keyspace: Keyspace
  readonly #connection: Connection
  readonly #sessions = new Sessions()
  readonly #quarantine: Quarantine
  readonly #room: Room
  readonly #writer: RecordWriter
  readonly #metaLifetime: MetaLifetime
  readonly #starts: StartAnew
  readonly #listeners = new Listeners<RedisFrontEvent>()
  /** They wait until the first attempt to connect has come to anything. */
  readonly #calls: Calls
  #status: RedisFrontStatus = 'connecting'
  #closed: Promise<void> | undefined
  #roundTrips = 0
  #hits = 0
  #misses = 0
  /** Of the session that was read from last. */
  #epoch = { text: '', bytes: Buffer.alloc(0) }

  constructor(options: ResolvedFrontOptions) {
    const { name, clock, random, connection, commandTimeoutMs, connectTimeoutMs } = options
    this.name = name
    this.agreedAs = `${name}/${options.namespace}/${connection.db ?? 0}`
    this.#options = options
    this.#keyspace = keyspaceOf(options.namespace)
    const late = (): TidemarkError => this.#unavailable('it is still connecting')
    this.#calls = new Calls({ name, clock, waitMs: commandTimeoutMs, late })
    this.#quarantine = new Quarantine((key) => this.#listeners.emit({ type: 'quarantined', key }))
    this.#room = new Room(
      clock,
      (error) => this.#listeners.emit({ type: 'full', error }),
      () => this.#listeners.emit({ type: 'room' }),
    )
    this.#writer = new RecordWriter(options, this.#keyspace, this.#sessions, this.#room)
    this.#metaLifetime = new MetaLifetime({ meta: this.#keyspace.meta, ttlMs: options.metaTtlMs, clock })
    this.#sessions.on(() => this.#update())
    this.#starts = new StartAnew({
      meta: this.#keyspace.meta,
      sessions: this.#sessions,
      isInUse: (link) => this.#connection.use() === link,
    })
    this.#connection = new Connection({
      name,
      connection,
      connectionName: 'tidemark-front',
      connectTimeoutMs,
      commandTimeoutMs,
      probeIntervalMs: PROBE_EVERY_MS,
      probesWhileUp: false,
      clock,
      random,
      probe: (link, timeoutMs) => this.#probe(link, timeoutMs),
      onLink: (link) => this.#sessions.follow(link),
      onState: (state) => {
        this.#sessions.isUp = state === 'up'
        this.#update()
      },
    })
  }

  get status(): RedisFrontStatus {
    return this.#status
  }

  get error(): TidemarkError | undefined {
    return this.#connection.error
  }

  get session(): FrontSession | undefined {
    return this.#sessions.current
  }

  look(): Promise<FrontLook> {
    return this.#call(async (link) => {
      this.#roundTrips++
      const sentAt = link.commands
      const reply = await link.call('HMGET', [this.#keyspace.meta, ...META_FIELDS]).catch((error: TidemarkError) => {
        // The one call that is made all the time, and that every server which is of use can answer.
        this.#connection.suspend(link, error)
        throw error
      })
      const look = this.#lookOf(link, sentAt, readMeta(reply))
      this.#metaLifetime.prolong(link, look.session)
      return look
    })
  }

  async read(keys: readonly StoreKey[], session: FrontSession): Promise<readonly (Found | undefined)[]> {
    const { epoch } = session
    if (session !== this.#sessions.current || epoch === undefined || keys.length === 0) {
      this.#calls.assertOpen()
      return keys.map(() => undefined)
    }
    return this.#call(async (link) => {
      this.#roundTrips++
      const replies = await readRecords(link, this.#keyspace, keys)
      // The session of now, not of when the read was sent: what began in between counts.
      if (session !== this.#sessions.current) return keys.map(() => undefined)
      const found = replies.decode({
        epoch: this.#bytesOf(epoch),
        codec: this.#options.codec,
        now: this.#options.clock.now(),
        tier: this.name,
      })
      this.#hits += found.hits
      this.#misses += keys.length - found.hits
      for (const record of found.useless) this.#quarantine.take(link, record)
      return found.answers
    })
  }

  apply(changes: readonly LogChange[], mode: ApplyMode): Promise<readonly FrontOutcome[]> {
    return this.#call((link) => this.#writer.apply(link, changes, mode))
  }

  fill(fills: readonly Fill[]): Promise<readonly FrontOutcome[]> {
    return this.#call((link) => this.#writer.fill(link, fills))
  }

  tail(step: SharedTailStep): Promise<number | undefined> {
    return this.#call((link) => this.#writer.tail(link, step))
  }

  initialize(start: () => Promise<FrontStart>, seen?: Pick<FrontSession, 'epoch'>): Promise<boolean> {
    return this.#call((link) => {
      this.#roundTrips += 2
      return this.#starts.run(link, () => this.#inTime(start()), (seen ?? this.session)?.epoch)
    })
  }

  discard(keys: readonly StoreKey[]): Promise<void> {
    return this.#call(async (link) => {
      if (keys.length === 0) return
      this.#roundTrips++
      await link.call(
        'DEL',
        keys.map(({ id }) => this.#keyspace.prefix + id),
      )
    })
  }

  inspect(key: StoreKey): Promise<FrontInspection> {
    return this.#call(async (link) => {
      this.#roundTrips++
      const sentAt = link.commands
      const { record, isDamaged, fence, meta } = await inspectKey(link, this.#keyspace, key)
      return { record, isDamaged, fence, look: this.#lookOf(link, sentAt, meta) }
    })
  }

  records(cursor: string | undefined, limit: number): Promise<FrontRecordPage> {
    return this.#call(async (link) => {
      const epoch = this.#sessions.epochOn(link)
      if (epoch === undefined) return { records: [], damaged: [], cursor: undefined }
      this.#roundTrips += 2
      return readRecordPage(link, this.#keyspace, epoch, cursor, limit)
    })
  }

  reconnect(): void {
    this.#connection.reconnect()
  }

  onSession(listener: (session: FrontSession | undefined) => void): () => void {
    return this.#sessions.on(listener)
  }

  onRoom(listener: (refusal: TidemarkError | undefined) => void): () => void {
    return this.on((event) => {
      if (event.type === 'full') listener(event.error)
      else if (event.type === 'room') listener(undefined)
    })
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  stats(): RedisFrontStats {
    const { commands, timeouts, links } = this.#connection
    return {
      status: this.#status,
      epoch: this.session?.epoch,
      full: this.#room.isFull,
      commands,
      roundTrips: this.#roundTrips + this.#writer.roundTrips,
      hits: this.#hits,
      misses: this.#misses,
      timeouts,
      connections: links,
      quarantined: this.#quarantine.count,
    }
  }

  on(listener: RedisFrontListener): () => void {
    return this.#listeners.add(listener)
  }

  whenReady(timeoutMs: number): Promise<void> {
    if (this.#status === 'ready') return Promise.resolve()
    if (this.#closed !== undefined) return Promise.reject(new ClosedError(`front "${this.name}"`))
    let stop = (): void => {}
    const ready = new Promise<void>((resolve, reject) => {
      stop = this.on((event) => {
        if (event.type !== 'status') return
        if (event.status === 'ready') resolve()
        if (event.status === 'closed') reject(new ClosedError(`front "${this.name}"`))
      })
    })
    const late = (): Error => {
      const why = this.#status === 'fenced' ? ': it is connected, and nobody has initialized it yet' : ''
      return this.error ?? this.#unavailable(`it was not ready within ${timeoutMs} ms${why}`)
    }
    return keepAlive(() => withinDeadline(ready, timeoutMs, this.#options.clock, late).finally(stop))
  }

  #call<T>(work: (link: Link) => Promise<T>): Promise<T> {
    return this.#calls.run(() => work(this.#connection.use()))
  }

  async #close(): Promise<void> {
    await this.#calls.close()
    await this.#metaLifetime.end(() => this.#connection.use())
    await this.#connection.close()
  }

  async #probe(link: Link, timeoutMs: number): Promise<void> {
    const sentAt = link.commands
    const look = ['HMGET', this.#keyspace.meta, ...META_FIELDS] as const
    const [info, meta] = await link.probeAll([IDENTITY, look], timeoutMs)
    this.#sessions.identify(link, readServer(info))
    this.#sessions.learn(link, sentAt, readMeta(meta).epoch)
  }

  #lookOf(link: Link, sentAt: number, { epoch, ...where }: Meta): FrontLook {
    this.#sessions.learn(link, sentAt, epoch)
    const session = this.#sessions.current
    if (session === undefined || session.epoch !== epoch) throw this.#unavailable('its session has ended meanwhile')
    return { session, ...where }
  }

  #bytesOf(epoch: string): Buffer {
    if (this.#epoch.text !== epoch) this.#epoch = { text: epoch, bytes: Buffer.from(epoch, 'latin1') }
    return this.#epoch.bytes
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    const { clock, connectTimeoutMs } = this.#options
    const late = (): Error => this.#unavailable(`where to start was not told within ${connectTimeoutMs} ms`)
    return withinDeadline(work, connectTimeoutMs, clock, late)
  }

  #update(): void {
    const status = this.#statusNow()
    if (status === this.#status) return
    this.#status = status
    if (status !== 'connecting') this.#calls.open()
    this.#listeners.emit({ type: 'status', status, error: this.error })
  }

  #statusNow(): RedisFrontStatus {
    const { state } = this.#connection
    if (state !== 'up') return state === 'waiting' ? 'disconnected' : state
    // Without a session: it has just ended, or is about to begin, and the state follows.
    if (this.session === undefined) return this.#status
    return this.session.epoch === undefined ? 'fenced' : 'ready'
  }

  #unavailable(why: string): TidemarkError {
    const { name } = this
    return new TidemarkError('FRONT_UNAVAILABLE', `front "${name}" cannot be used: ${why}`, {
      retryable: true,
      tier: name,
    })
  }
}
