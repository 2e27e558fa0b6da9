import { randomBytes } from 'node:crypto'
import { afterTurn, CorruptError, type LogChange, markOf, TidemarkError } from '@tidemark/core'
import { type Keyspace, keyspaceOf, streamKeysOf } from '../keyspace.ts'
import type { Link } from '../link.ts'
import { STREAM_APPEND, STREAM_FIELDS, STREAM_START } from '../scripts/stream.ts'
import { callsOf } from './append-calls.ts'
import { PatientConnection } from './patient-connection.ts'
import { pause } from './pause.ts'
import { Refusals } from './refusals.ts'
import { announceLog } from './relayed-logs.ts'
import { type RedisRelayOptions, type ResolvedRelayOptions, resolveRelayOptions } from './relay-options.ts'
import { changesOf, type StreamEntry } from './stream-entry.ts'
import { generationOf, readState, type StreamState } from './stream-state.ts'
import { untilAborted } from './until-aborted.ts'
import { waitForMore } from './wait-for-more.ts'

/** What a relay has done since it was made. */
export interface RelayStats {
  /** Changes that this relay has appended; the others were there already. */
  readonly appended: number
  /** How often it has started the stream anew: it was not there, had lost something, or was one of another history. */
  readonly starts: number
  /** How far the stream was known to reach; undefined: not known. */
  readonly head: number | undefined
  /** Why the server, which answers, takes nothing; undefined: it does, as far as is known. */
  readonly refusal: TidemarkError | undefined
}

/** Copies a log into a Redis Stream, for those who cannot open the file. */
export interface RedisRelay {
  readonly stats: RelayStats
  /** Resolves when the connection is gone, whether or not the log still owes it an answer. Idempotent. */
  close(): Promise<void>
}

const PAGE = 500
/** Appends in vain, one after the other, from which on a relay leaves the work to the others. */
const IN_VAIN = 3
/** How much later than the others such a one looks whether there is something to do. */
const LATER_MS = 20
/** How often an idle relay looks whether the stream is still there. */
const IDLE_MS = 500
/** So that who looks for the log finds one that is relayed, and no other. */
const ANNOUNCE_EVERY_MS = 2_000
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 2_000
const EXPECTED: ReadonlySet<string> = new Set(['FRONT_UNAVAILABLE', 'TIMEOUT', 'LOG_COMPACTED', 'LOG_AHEAD'])

/**
 * Starts to copy, and goes on until it is closed: whatever the log holds beyond the end of the stream is appended, in
 * order and without a gap, whoever else does the same. A stream that was lost (FLUSHALL, eviction, failover) is filled
 * again from the log, as far back as `keep` and the log reach. Never throws for a server that is not there.
 *
 * @throws TypeError or RangeError for a wrong option.
 */
export function createRedisRelay(options: RedisRelayOptions): RedisRelay {
  return new StreamRelay(resolveRelayOptions(options))
}

class StreamRelay implements RedisRelay {
  readonly #options: ResolvedRelayOptions
  readonly #names: Keyspace
  readonly #connection: PatientConnection
  readonly #stop = new AbortController()
  readonly #refusals: Refusals
  readonly #running: Promise<void>
  #appended = 0
  #starts = 0
  #head: number | undefined
  #inVain = 0
  #announcedUntil = -Infinity

  constructor(options: ResolvedRelayOptions) {
    this.#options = options
    this.#names = keyspaceOf(options.namespace)
    this.#connection = new PatientConnection(options, 'tidemark-relay')
    this.#refusals = new Refusals({ onRefused: options.onError, onTaken: options.onRecovered })
    this.#running = this.#run()
  }

  get stats(): RelayStats {
    return {
      appended: this.#appended,
      starts: this.#starts,
      head: this.#head,
      refusal: this.#refusals.current,
    }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#connection.close()
    await this.#running
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { signal } = this.#stop
    const { clock, onError } = this.#options
    for (let failures = 0; !signal.aborted;) {
      let since = clock.monotonic()
      try {
        const link = await this.#connection.up()
        if (link === undefined) return
        since = clock.monotonic()
        // Who closes does not wait for a log that never answers.
        await untilAborted(this.#copy(link), signal)
      } catch (error) {
        if (signal.aborted || isClosed(error)) return
        if (!this.#refusals.met(error) && !isExpected(error)) onError(error)
      }
      // Whatever ended it: two relays that never agree about the stream are not to fight at full speed.
      if (clock.monotonic() - since >= LONGEST_PAUSE_MS) failures = 0
      await pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures++), clock, signal)
    }
  }

  /** Copies until the stream has to be looked at anew. */
  async #copy(link: Link): Promise<void> {
    const { log, clock } = this.#options
    const { signal } = this.#stop
    const attached = await this.#attach(link)
    if (attached === undefined) return
    const { generation, epoch } = attached
    let at: number | undefined = attached.last
    while (at !== undefined && !signal.aborted) {
      this.#head = at
      await this.#announce(link, attached.id)
      if (this.#inVain < IN_VAIN) {
        const { changes, head } = await log.read({ after: at, limit: PAGE })
        if (log.identity.epoch !== epoch) return
        if (changes.length > 0) {
          at = await this.#append(link, generation, changes, head)
          // An embedded log answers without leaving the turn: much to copy would let nothing else run.
          if (at !== undefined && head > at) await new Promise<void>(afterTurn)
          continue
        }
      }
      if (!(await waitForMore(log, at, IDLE_MS, { clock, signal })))
        at = await this.#append(link, generation, [], await log.head())
      else if (this.#inVain >= IN_VAIN) at = await this.#leaveToOthers(link, generation, at)
      if (log.identity.epoch !== epoch) return
    }
  }

  /** Where the stream ends, started anew where it is not the one of this log. @returns undefined: look again */
  async #attach(link: Link): Promise<StreamState | undefined> {
    const { log } = this.#options
    const fields = (await link.call('HMGET', [this.#names.streamMeta, ...STREAM_FIELDS])) as (Buffer | null)[]
    const state = readState(fields)
    const head = await log.head()
    const { id, epoch } = log.identity
    if (state !== undefined && state.id === id) {
      if (state.epoch > epoch) return undefined
      const isOurs = state.epoch === epoch && state.last <= head && (await this.#continues(link, state))
      if (isOurs === undefined) return undefined
      if (isOurs) return state
    }
    const base = await this.#baseOf(head)
    const generation = randomBytes(8).toString('hex')
    const { ttlMs } = this.#options
    const args = [generationOf(fields), generation, id, epoch, base, head, ttlMs]
    const now = String(await link.run(STREAM_START, streamKeysOf(this.#names), args))
    if (now !== generation) return undefined
    this.#starts++
    return { generation, id, epoch, base, last: base, whole: base, completeAt: 0 }
  }

  /**
   * Whether the last change of the stream is that of the log: a backup that was restored has the same id and epoch.
   * @returns undefined: others have gone on meanwhile, so that it is not there any more
   */
  async #continues(link: Link, { generation, base, last }: StreamState): Promise<boolean | undefined> {
    const { log } = this.#options
    if (last < (await log.floor())) return false
    // Looks at the entries too, whatever they are.
    if ((await this.#append(link, generation, [], Infinity)) === undefined) return false
    if (last === base) return true
    const [entry] = (await link.call('XRANGE', [this.#names.stream, `${last}-0`, `${last}-0`])) as StreamEntry[]
    if (entry === undefined) return undefined
    const run = changesIn(entry)
    if (run?.at(-1)?.seq !== last) return false
    // At the floor the log no longer says what the change was.
    if (last === (await log.floor())) return true
    const [change] = (await log.read({ after: last - 1, limit: 1, values: false })).changes
    return change !== undefined && markOf(change) === markOf(run.at(-1)!)
  }

  /** As far back as is kept, and to the beginning of the commit there: somebody may have read all that was before it. */
  async #baseOf(head: number): Promise<number> {
    const { log, keep } = this.#options
    const base = Math.max(await log.floor(), head - keep)
    if (base >= head) return head
    const [next] = (await log.read({ after: base, limit: 1, values: false })).changes
    return next === undefined ? base : next.first - 1
  }

  /**
   * @param head where the log ends: with that the stream is complete
   * @returns where the stream ends afterwards; undefined: it has to be looked at anew
   */
  async #append(
    link: Link,
    generation: string,
    changes: readonly LogChange[],
    head: number,
  ): Promise<number | undefined> {
    const { keep, maxValueBytes, ttlMs } = this.#options
    const keys = streamKeysOf(this.#names)
    let reached = 0
    let appended = 0
    for (const { to, args } of callsOf(changes, maxValueBytes)) {
      // Somebody else was there first.
      if (to <= reached) continue
      const reply = await link.run(STREAM_APPEND, keys, [generation, keep, head, ttlMs, ...args])
      const [last, added] = (reply as (number | Buffer)[]).map(Number) as [number, number]
      if (last < 0) return undefined
      // Otherwise it has written nothing, which a full server takes as well.
      if (added > 0 || last >= head) this.#refusals.taken()
      this.#appended += added
      appended += added
      reached = last
      if (last < to) break
    }
    if (changes.length > 0) this.#inVain = appended === 0 ? this.#inVain + 1 : 0
    return reached
  }

  /** That the log is relayed, now. */
  async #announce(link: Link, id: string): Promise<void> {
    const { announceIn, clock } = this.#options
    if (announceIn === undefined || clock.monotonic() < this.#announcedUntil) return
    this.#announcedUntil = clock.monotonic() + ANNOUNCE_EVERY_MS
    await announceLog(link, announceIn, id)
  }

  /** Others are faster. Looks after a while whether they still get on, without reading or sending what they do. */
  async #leaveToOthers(link: Link, generation: string, at: number): Promise<number | undefined> {
    const wanted = await this.#options.log.head()
    await pause(LATER_MS * (0.5 + this.#options.random()), this.#options.clock, this.#stop.signal)
    if (this.#stop.signal.aborted) return undefined
    const [now, last] = (await link.call('HMGET', [this.#names.streamMeta, 'g', 'l'])) as (Buffer | null)[]
    if (now?.toString() !== generation) return undefined
    const reached = Number(last)
    if (reached < wanted && reached <= at) this.#inVain = 0
    return reached
  }
}

/** undefined: somebody else's entry, or damaged. */
function changesIn(entry: StreamEntry): readonly LogChange[] | undefined {
  try {
    return changesOf(entry)
  } catch (error) {
    if (error instanceof CorruptError) return undefined
    throw error
  }
}

/**
 * The server was out of reach, which the connection sees to; or the log was compacted or restored, and the stream has to be
 * started anew.
 */
function isExpected(error: unknown): boolean {
  return error instanceof TidemarkError && EXPECTED.has(error.code)
}

function isClosed(error: unknown): boolean {
  return error instanceof TidemarkError && error.code === 'CLOSED'
}
