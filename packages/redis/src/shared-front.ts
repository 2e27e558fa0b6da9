import {
  type ApplyMode,
  ClosedError,
  type Fill,
  type Found,
  type FrontOutcome,
  type LogChange,
  type StoreKey,
  TidemarkError,
} from '@tidemark/core'
import { applyBatch, bytesOfChange } from './apply-batch.ts'
import { type Batch, chunksOf } from './batch.ts'
import { isOutOfMemory } from './command-errors.ts'
import { Connection } from './connection.ts'
import { withinDeadline } from './deadline.ts'
import { bytesOfFill, fillBatch, type LivingFill } from './fill-batch.ts'
import { type Keyspace, keyspaceOf } from './keyspace.ts'
import { lifetimeOf } from './lifetime.ts'
import type { Link } from './link.ts'
import { Listeners } from './listeners.ts'
import { Epoch } from './meta/epoch.ts'
import type { ResolvedFrontOptions } from './options.ts'
import { Quarantine } from './quarantine.ts'
import { readRecords } from './read-records.ts'
import type {
  RedisFront,
  RedisFrontEvent,
  RedisFrontInspection,
  RedisFrontListener,
  RedisFrontStatus,
} from './redis-front.ts'
import { Room } from './room.ts'
import { APPLY, APPLY_WITH_ROOM } from './scripts/apply.ts'
import { FILL } from './scripts/fill.ts'
import type { Script } from './scripts/script.ts'

/** How often the server is asked for its epoch: the longest that another process's `clear()` or a lost meta goes unnoticed. */
const LOOK_EVERY_MS = 100

export class SharedFront implements RedisFront {
  readonly name: string
  readonly #options: ResolvedFrontOptions
  readonly #keyspace: Keyspace
  readonly #connection: Connection
  readonly #epoch: Epoch
  readonly #quarantine: Quarantine
  readonly #room: Room
  readonly #listeners = new Listeners<RedisFrontEvent>()
  readonly #inFlight = new Set<Promise<unknown>>()
  /** What calls wait for before the first attempt to connect has come to anything. */
  #opening: Promise<void> | undefined
  #opened: () => void = () => {}
  #status: RedisFrontStatus = 'connecting'
  #initFailure: unknown
  #closed: Promise<void> | undefined
  #roundTrips = 0
  #hits = 0
  #misses = 0

  constructor(options: ResolvedFrontOptions) {
    const { name, clock, random, connection, commandTimeoutMs, connectTimeoutMs } = options
    this.name = name
    this.#options = options
    this.#keyspace = keyspaceOf(options.namespace)
    this.#opening = new Promise((resolve) => (this.#opened = resolve))
    this.#quarantine = new Quarantine((key) => this.#listeners.emit({ type: 'quarantined', key }))
    this.#room = new Room(clock, (error) => this.#listeners.emit({ type: 'full', error }))
    this.#epoch = new Epoch({
      meta: this.#keyspace.meta,
      clock,
      head: options.head,
      headTimeoutMs: connectTimeoutMs,
      onChange: () => this.#update(),
      onFailure: (error) => this.#fail(error),
    })
    this.#connection = new Connection({
      name,
      connection,
      connectionName: 'tidemark-front',
      connectTimeoutMs,
      commandTimeoutMs,
      probeIntervalMs: LOOK_EVERY_MS,
      clock,
      random,
      probe: (link, timeoutMs) => this.#epoch.look(link, timeoutMs),
      onLink: (link) => this.#epoch.follow(link),
      onState: () => this.#update(),
    })
  }

  get status(): RedisFrontStatus {
    return this.#status
  }

  get error(): TidemarkError | undefined {
    return this.#connection.error
  }

  read(keys: readonly StoreKey[]): Promise<readonly (Found | undefined)[]> {
    return this.#call(async (link) => {
      if (keys.length === 0 || this.#epoch.on(link) === undefined) return keys.map(() => undefined)
      this.#roundTrips++
      const replies = await readRecords(link, this.#keyspace, keys)
      // The epoch of now, not of when the read was sent: a flush in between counts.
      const epoch = this.#epoch.bytesOn(link)
      if (epoch === undefined) return keys.map(() => undefined)
      const found = replies.decode({
        epoch,
        codec: this.#options.codec,
        now: this.#options.clock.now(),
        tier: this.name,
      })
      this.#hits += found.hits
      this.#misses += keys.length - found.hits
      for (const damaged of found.damaged) this.#quarantine.take(link, damaged)
      return found.answers
    })
  }

  apply(changes: readonly LogChange[], mode: ApplyMode): Promise<readonly FrontOutcome[]> {
    return this.#call(async (link) => {
      const outcomes: FrontOutcome[] = []
      for (const chunk of chunksOf(changes, bytesOfChange)) {
        outcomes.push(...(await this.#apply(link, chunk, mode)))
      }
      return outcomes
    })
  }

  fill(fills: readonly Fill[]): Promise<readonly FrontOutcome[]> {
    return this.#call(async (link) => {
      const outcomes: FrontOutcome[] = fills.map(() => 'fenced')
      if (this.#epoch.on(link) === undefined || this.#room.isFull) return outcomes
      const living: LivingFill[] = []
      const positions: number[] = []
      for (const [i, fill] of fills.entries()) {
        const lifetime = lifetimeOf(this.#options, fill.found.entry, fill.found.until)
        if (lifetime === undefined || bytesOfFill(fill) > this.#options.maxRecordBytes) continue
        living.push({ fill, lifetime })
        positions.push(i)
      }
      let at = 0
      for (const chunk of chunksOf(living, ({ fill }) => bytesOfFill(fill))) {
        const epoch = this.#epoch.on(link)
        if (epoch === undefined || this.#room.isFull) break
        const sent = await this.#run(link, FILL, fillBatch(chunk, epoch, this.#keyspace))
        for (const outcome of sent) outcomes[positions[at++]!] = outcome
      }
      return outcomes
    })
  }

  /** Resolves when no front of any process that learns of it serves what was there before; others learn within 100 ms. */
  clear(): Promise<void> {
    return this.#call((link) => {
      this.#roundTrips++
      return this.#epoch.renew(link)
    })
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  inspect(): RedisFrontInspection {
    const { commands, timeouts, links } = this.#connection
    return {
      status: this.#status,
      epoch: this.#epoch.known,
      full: this.#room.isFull,
      commands,
      roundTrips: this.#roundTrips,
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
      const cause = this.#initFailure instanceof Error ? `: ${this.#initFailure.message}` : ''
      return this.error ?? this.#notYet(`it was not ready within ${timeoutMs} ms${cause}`)
    }
    return withinDeadline(ready, timeoutMs, this.#options.clock, late).finally(stop)
  }

  async #call<T>(work: (link: Link) => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) throw new ClosedError(`front "${this.name}"`)
    const call = this.#opening === undefined ? work(this.#connection.use()) : this.#afterOpening(this.#opening, work)
    this.#inFlight.add(call)
    try {
      return await call
    } finally {
      this.#inFlight.delete(call)
    }
  }

  async #afterOpening<T>(opening: Promise<void>, work: (link: Link) => Promise<T>): Promise<T> {
    const { clock, commandTimeoutMs } = this.#options
    await withinDeadline(opening, commandTimeoutMs, clock, () => this.#notYet('it is still connecting'))
    return work(this.#connection.use())
  }

  /**
   * Runs one part of a call. The next one is sent when this one has been answered: sent together, the last ones would
   * use up their deadlines waiting for the first ones, and a large batch would look like a dead server.
   */
  async #run(link: Link, script: Script, batch: Batch): Promise<readonly FrontOutcome[]> {
    this.#roundTrips++
    try {
      const { epoch, outcomes } = await batch.run(link, script)
      this.#epoch.learn(link, epoch)
      return outcomes
    } catch (error) {
      if (isOutOfMemory(error)) this.#room.refused(error as TidemarkError)
      throw error
    }
  }

  async #apply(link: Link, changes: readonly LogChange[], mode: ApplyMode): Promise<readonly FrontOutcome[]> {
    const batch = (how: ApplyMode): Batch =>
      applyBatch(changes, how, this.#epoch.on(link), this.#keyspace, this.#options)
    if (mode === 'install' && !this.#room.isFull) {
      try {
        return await this.#run(link, APPLY_WITH_ROOM, batch('install'))
      } catch (error) {
        if (!isOutOfMemory(error)) throw error
      }
    }
    return this.#run(link, APPLY, batch('invalidate'))
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#inFlight)
    await this.#connection.close()
  }

  #update(): void {
    const status = this.#statusNow()
    if (status === this.#status) return
    this.#status = status
    if (status !== 'connecting' && status !== 'fenced') this.#open()
    this.#listeners.emit({ type: 'status', status, error: this.error })
  }

  #statusNow(): RedisFrontStatus {
    const { state } = this.#connection
    if (state === 'up') return this.#epoch.known === undefined ? 'fenced' : 'ready'
    return state === 'waiting' ? 'disconnected' : state
  }

  /** INIT failed. The next look starts it again. */
  #fail(error: unknown): void {
    this.#initFailure = error
    this.#open()
    if (this.#closed === undefined) this.#listeners.emit({ type: 'init-failed', error })
  }

  #open(): void {
    this.#opening = undefined
    this.#opened()
  }

  #notYet(why: string): TidemarkError {
    const { name } = this
    return new TidemarkError('FRONT_UNAVAILABLE', `front "${name}" cannot be used: ${why}`, {
      retryable: true,
      tier: name,
    })
  }
}
