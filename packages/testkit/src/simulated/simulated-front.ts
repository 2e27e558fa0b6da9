import {
  type ApplyMode,
  type Clock,
  ClosedError,
  type Fill,
  type Found,
  type FrontInspection,
  type FrontLook,
  type FrontOutcome,
  type FrontRecordPage,
  type FrontSession,
  type FrontStart,
  type LogChange,
  type SharedFront,
  type SharedTailStep,
  type StoreKey,
  systemClock,
  type TidemarkError,
} from '@tidemark/core'
import { ServerRefusal } from './commands.ts'
import type { FrontFlaw } from './flaws.ts'
import { FrontSessions, lookIn } from './front-sessions.ts'
import type { StoredRecord } from './server-state.ts'
import { sentChange, sentFill, type Lifetimes } from './sent-records.ts'
import { SimulatedNetwork } from './simulated-network.ts'
import type { SimulatedServer } from './simulated-server.ts'

/** How long the announcement of another start holds. */
const PATIENCE_MS = 100

export interface SimulatedFrontOptions {
  /** The name of the tier. @default 'simulated' */
  readonly name?: string | undefined
  /** The process that it runs in, as the network knows it. @default 'client' */
  readonly client?: string | undefined
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
  /** The longest that a call waits for its answer. @default 50 */
  readonly commandTimeoutMs?: number | undefined
  /** How long after the end of a connection the next one is tried, and after a refusal the next probe. @default 50 */
  readonly reconnectMs?: number | undefined
  /** A server that has been silent for this long is connected to anew. @default 200 */
  readonly hungAfterMs?: number | undefined
  /** @default 3_600_000 */
  readonly ttlMs?: number | undefined
  /** @default 10_000 */
  readonly negativeTtlMs?: number | undefined
  readonly flaws?: readonly FrontFlaw[] | undefined
}

/** A shared front over a simulated server, behaving in time and in trouble as the one over Redis does. */
export function simulatedFront(
  at: SimulatedServer | SimulatedNetwork,
  options: SimulatedFrontOptions = {},
): SharedFront {
  const network =
    at instanceof SimulatedNetwork ? at : new SimulatedNetwork({ clock: options.clock ?? systemClock, server: at })
  return new Simulated(network, options)
}

class Simulated implements SharedFront {
  readonly name: string
  readonly agreedAs: string
  readonly #sessions: FrontSessions
  readonly #lifetimes: Lifetimes
  readonly #flaws: readonly FrontFlaw[]
  /** Of the last start that it announced. */
  #nonce: string | undefined
  readonly #inFlight = new Set<Promise<unknown>>()
  readonly #roomListeners = new Set<(refusal: TidemarkError | undefined) => void>()
  #hasRefused = false
  #closing: Promise<void> | undefined

  constructor(network: SimulatedNetwork, options: SimulatedFrontOptions) {
    const { name = 'simulated', client = 'client', clock = systemClock, flaws = [] } = options
    const { commandTimeoutMs = 50, reconnectMs = 50, hungAfterMs = 200 } = options
    const { ttlMs = 3_600_000, negativeTtlMs = 10_000 } = options
    this.name = name
    this.agreedAs = name
    this.#flaws = flaws
    this.#lifetimes = { clock, ttlMs, negativeTtlMs }
    this.#sessions = new FrontSessions({
      tier: name,
      network,
      client: { name: client, clock },
      commandTimeoutMs,
      reconnectMs,
      hungAfterMs,
      flaws,
    })
  }

  get session(): FrontSession | undefined {
    return this.#sessions.current
  }

  look(): Promise<FrontLook> {
    return this.#call(() => this.#sessions.look())
  }

  read(keys: readonly StoreKey[], session: FrontSession): Promise<readonly (Found | undefined)[]> {
    return this.#call(async () => {
      const ids = keys.map((key) => key.id)
      if (this.session !== session) return keys.map(() => undefined)
      const records = await this.#sessions.run({ command: 'read', about: ids, execute: (server) => server.read(ids) })
      if (this.session !== session) return keys.map(() => undefined)
      const now = this.#lifetimes.clock.now()
      return records.map((record) => this.#found(record, session, now))
    })
  }

  apply(changes: readonly LogChange[], mode: ApplyMode): Promise<readonly FrontOutcome[]> {
    return this.#call(async () => {
      if (changes.length === 0) return []
      if (mode === 'invalidate') return this.#apply(changes, mode)
      try {
        return await this.#taken(this.#apply(changes, mode))
      } catch (error) {
        if (!isFull(error)) throw error
        return this.#apply(changes, 'invalidate')
      }
    })
  }

  fill(fills: readonly Fill[]): Promise<readonly FrontOutcome[]> {
    return this.#call(async () => {
      const outcomes: FrontOutcome[] = fills.map(() => 'fenced')
      const epoch = this.session?.epoch
      const sent = fills.flatMap((fill, i) => {
        const record = sentFill(fill, this.#lifetimes)
        return record === undefined ? [] : [{ i, ...record }]
      })
      if (epoch === undefined || sent.length === 0) return outcomes
      const filling = this.#sessions.run({
        command: 'fill',
        about: sent,
        execute: (server) => server.fill(epoch, sent),
      })
      const reply = await this.#taken(filling)
      for (const [n, { i }] of sent.entries()) outcomes[i] = reply.outcomes[n]!
      return outcomes
    })
  }

  tail(step: SharedTailStep): Promise<number | undefined> {
    return this.#call(async () => {
      const changes = step.changes.map(({ key, seq }) => ({ id: key.id, seq }))
      const epoch = this.session?.epoch
      const sent = { ...step, changes }
      return this.#sessions.run({ command: 'tail', about: sent, execute: (server) => server.tail(epoch, sent) })
    })
  }

  initialize(start: () => Promise<FrontStart>, seen?: Pick<FrontSession, 'epoch'>): Promise<boolean> {
    return this.#call(async () => {
      const nonce = crypto.randomUUID()
      const connection = this.#sessions.connection()
      const announcement = { nonce, seen: (seen ?? this.session)?.epoch, own: this.#nonce, patienceMs: PATIENCE_MS }
      this.#nonce = nonce
      const announced = await this.#sessions.runOn(connection, {
        command: 'announce',
        execute: (server) => server.announce(announcement),
      })
      if (!announced) {
        await this.#sessions.look()
        return false
      }
      // After the announcement, never before: what was executed without a trace must lie before the head.
      const started = await start()
      const completed = await this.#sessions.runOn(connection, {
        command: 'complete',
        about: started,
        execute: (server) => server.complete({ nonce, ...started }),
      })
      await this.#sessions.look()
      return completed
    })
  }

  discard(keys: readonly StoreKey[]): Promise<void> {
    return this.#call(async () => {
      const ids = keys.map(({ id }) => id)
      await this.#sessions.run({ command: 'discard', about: ids, execute: (server) => server.discard(ids) })
    })
  }

  inspect(key: StoreKey): Promise<FrontInspection> {
    return this.#call(async () => {
      const { record, fence, look } = await this.#sessions.run({
        command: 'inspect',
        execute: (server) => server.inspect(key.id),
      })
      return { record: record && inspected(record), isDamaged: false, fence, look: lookIn(this.session!, look) }
    })
  }

  records(cursor: string | undefined, limit: number): Promise<FrontRecordPage> {
    return this.#call(async () => {
      const all = await this.#sessions.run({ command: 'records', execute: (server) => server.list() })
      const rest = all.filter(([id]) => cursor === undefined || id > cursor)
      const page = rest.slice(0, limit)
      return {
        records: page.map(([id, record]) => ({ id, version: record.version, kind: kindOf(record) })),
        damaged: [],
        cursor: rest.length > limit ? page.at(-1)![0] : undefined,
      }
    })
  }

  reconnect(): void {
    this.#sessions.reconnect()
  }

  onSession(listener: (session: FrontSession | undefined) => void): () => void {
    return this.#sessions.onSession(listener)
  }

  onRoom(listener: (refusal: TidemarkError | undefined) => void): () => void {
    this.#roomListeners.add(listener)
    return () => void this.#roomListeners.delete(listener)
  }

  close(): Promise<void> {
    return (this.#closing ??= Promise.allSettled(this.#inFlight).then(() => this.#sessions.close()))
  }

  async #apply(changes: readonly LogChange[], mode: ApplyMode): Promise<readonly FrontOutcome[]> {
    const epoch = this.session?.epoch
    const install = mode === 'install' && epoch !== undefined
    const sent = changes.map((change) => sentChange(change, install, this.#lifetimes))
    return (await this.#sessions.run({ command: 'apply', about: sent, execute: (server) => server.apply(epoch, sent) }))
      .outcomes
  }

  /** What a full server refuses. */
  async #taken<T>(work: Promise<T>): Promise<T> {
    try {
      const result = await work
      if (this.#hasRefused) this.#tellRoom(undefined)
      return result
    } catch (error) {
      if (isFull(error)) this.#tellRoom(error as TidemarkError)
      throw error
    }
  }

  #tellRoom(refusal: TidemarkError | undefined): void {
    this.#hasRefused = refusal !== undefined
    for (const listener of Array.from(this.#roomListeners)) listener(refusal)
  }

  #found(record: StoredRecord | undefined, { epoch }: FrontSession, now: number): Found | undefined {
    if (record === undefined || record.until <= now) return undefined
    if (record.epoch !== epoch && !this.#flaws.includes('read-any-epoch')) return undefined
    return { entry: record.entry, asOf: record.version, until: record.until, tier: this.name }
  }

  async #call<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw new ClosedError(`front "${this.name}"`)
    const call = work()
    this.#inFlight.add(call)
    try {
      return await call
    } finally {
      this.#inFlight.delete(call)
    }
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof ServerRefusal && error.cause.reason === 'OOM'
}

function kindOf({ entry }: StoredRecord): 'value' | 'absent' {
  return entry === undefined ? 'absent' : 'value'
}

function inspected(record: StoredRecord): NonNullable<FrontInspection['record']> {
  const { version, epoch, until } = record
  return { kind: kindOf(record), version, epoch, until }
}
