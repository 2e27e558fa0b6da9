import { randomBytes } from 'node:crypto'
import { afterTurn, type LogChange, markOf, TidemarkError } from '@tidemark/core'
import { type Keyspace, keyspaceOf } from '../keyspace.ts'
import type { Link } from '../link.ts'
import { STREAM_APPEND, STREAM_FIELDS, STREAM_START } from '../scripts/stream.ts'
import { encodeRun } from './change-run.ts'
import { PatientConnection } from './patient-connection.ts'
import { announceLog } from './relayed-logs.ts'
import { type RedisRelayOptions, type ResolvedRelayOptions, resolveRelayOptions } from './relay-options.ts'
import { splitRuns } from './split-runs.ts'
import { changesOf, type StreamEntry } from './stream-entry.ts'
import { generationOf, readState, type StreamState } from './stream-state.ts'

/** What a relay has done since it was made. */
export interface RelayStats {
  /** Changes that this relay has appended; the others were there already. */
  readonly appended: number
  /** How often it has started the stream anew: it was not there, had lost something, or was one of another history. */
  readonly starts: number
  /** How far the stream was known to reach; undefined: not known. */
  readonly head: number | undefined
}

/** Copies a log into a Redis Stream, for those who cannot open the file. */
export interface RedisRelay {
  readonly stats: RelayStats
  /** Resolves when the connection is gone. Idempotent. */
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
    this.#running = this.#run()
  }

  get stats(): RelayStats {
    return { appended: this.#appended, starts: this.#starts, head: this.#head }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#connection.close()
    await this.#running
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { signal } = this.#stop
    for (let failures = 0; !signal.aborted;) {
      try {
        const link = await this.#connection.up()
        if (link === undefined) return
        if (await this.#copy(link)) failures = 0
        else await this.#pause(FIRST_PAUSE_MS)
      } catch (error) {
        if (signal.aborted || isClosed(error)) return
        if (!isExpected(error)) this.#options.onError(error)
        await this.#pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures++))
      }
    }
  }

  /** Copies until the stream has to be looked at anew. @returns whether there was something to copy to */
  async #copy(link: Link): Promise<boolean> {
    const { log } = this.#options
    const attached = await this.#attach(link)
    if (attached === undefined) return false
    const { generation, epoch } = attached
    for (let at = attached.last; !this.#stop.signal.aborted;) {
      this.#head = at
      await this.#announce(link, attached.id)
      const { changes, head } = await log.read({ after: at, limit: PAGE })
      if (log.identity.epoch !== epoch) return true
      if (changes.length === 0) {
        const isMore = await this.#waitFor(at)
        if (isMore && this.#inVain < IN_VAIN) continue
        const last = isMore ? await this.#leaveToOthers(link, generation) : await this.#append(link, generation, [])
        if (last === undefined) return true
        at = last
        continue
      }
      const reached = await this.#append(link, generation, changes)
      if (reached === undefined) return true
      at = reached
      // An embedded log answers without leaving the turn: much to copy would let nothing else run.
      if (head > at) await new Promise<void>(afterTurn)
    }
    return true
  }

  /** Where the stream ends, started anew where it is not the one of this log. @returns undefined: look again */
  async #attach(link: Link): Promise<StreamState | undefined> {
    const { log } = this.#options
    const state = readState((await link.call('HMGET', [this.#names.streamMeta, ...STREAM_FIELDS])) as (Buffer | null)[])
    const head = await log.head()
    const { id, epoch } = log.identity
    if (state !== undefined && state.id === id) {
      if (state.epoch > epoch) return undefined
      if (state.epoch === epoch && state.last <= head && (await this.#continues(link, state))) return state
    }
    const base = await this.#baseOf(head)
    const generation = randomBytes(8).toString('hex')
    const { stream, streamMeta } = this.#names
    const args = [generationOf(state), generation, id, epoch, base]
    const now = String(await link.run(STREAM_START, [stream, streamMeta], args))
    if (now !== generation) return undefined
    this.#starts++
    return { generation, id, epoch, base, last: base }
  }

  /** Whether the last change of the stream is that of the log: a backup that was restored has the same id and epoch. */
  async #continues(link: Link, { base, last }: StreamState): Promise<boolean> {
    const { log } = this.#options
    if (last < (await log.floor())) return false
    if (last === base) return true
    const newest = (await link.call('XREVRANGE', [this.#names.stream, '+', '-', 'COUNT', 1])) as StreamEntry[]
    const run = newest[0] && changesOf(newest[0])
    if (run?.at(-1)?.seq !== last) return false
    // At the floor the log no longer says what the change was.
    if (last === (await log.floor())) return true
    const [change] = (await log.read({ after: last - 1, limit: 1, values: false })).changes
    return change !== undefined && markOf(change) === markOf(run.at(-1)!)
  }

  /** As far back as is kept, and never inside of a commit. */
  async #baseOf(head: number): Promise<number> {
    const { log, keep } = this.#options
    const base = Math.max(await log.floor(), head - keep)
    if (base >= head) return head
    const [next] = (await log.read({ after: base, limit: 1, values: false })).changes
    return next === undefined || next.seq === next.first ? base : next.last
  }

  /** @returns where the stream ends afterwards; undefined: it has to be looked at anew */
  async #append(link: Link, generation: string, changes: readonly LogChange[]): Promise<number | undefined> {
    const { keep, maxValueBytes } = this.#options
    const runs = Array.from(splitRuns(changes, maxValueBytes), (run) => encodeRun(run, maxValueBytes))
    const args = runs.flatMap(({ first, last, boundary, bytes }) => [
      first,
      last,
      boundary,
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    ])
    const { stream, streamMeta } = this.#names
    const reply = await link.run(STREAM_APPEND, [stream, streamMeta], [generation, keep, ...args])
    const [last, added] = (reply as (number | Buffer)[]).map(Number) as [number, number]
    if (last < 0) return undefined
    this.#appended += added
    if (changes.length > 0) this.#inVain = added === 0 ? this.#inVain + 1 : 0
    return last
  }

  /** @returns whether the log has more, perhaps; false: nothing has come for a while */
  async #waitFor(after: number): Promise<boolean> {
    const { log, clock } = this.#options
    const enough = new AbortController()
    const cancel = clock.schedule(IDLE_MS, () => enough.abort())
    try {
      await log.wait(after, AbortSignal.any([this.#stop.signal, enough.signal]))
      return true
    } catch (error) {
      if (enough.signal.aborted && !this.#stop.signal.aborted) return false
      throw error
    } finally {
      cancel()
    }
  }

  /** That the log is relayed, now. */
  async #announce(link: Link, id: string): Promise<void> {
    const { announceIn, clock } = this.#options
    if (announceIn === undefined || clock.monotonic() < this.#announcedUntil) return
    this.#announcedUntil = clock.monotonic() + ANNOUNCE_EVERY_MS
    await announceLog(link, announceIn, id)
  }

  /** Others are faster. Looks after a while whether they still are. */
  async #leaveToOthers(link: Link, generation: string): Promise<number | undefined> {
    await this.#pause(LATER_MS * (0.5 + this.#options.random()))
    if (this.#stop.signal.aborted) return undefined
    const [now, last] = (await link.call('HMGET', [this.#names.streamMeta, 'g', 'l'])) as (Buffer | null)[]
    if (now?.toString() !== generation) return undefined
    const reached = Number(last)
    if (reached < (await this.#options.log.head())) this.#inVain = 0
    return reached
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#stop
    return new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const done = (): void => {
        cancel()
        signal.removeEventListener('abort', done)
        resolve()
      }
      const cancel = this.#options.clock.schedule(ms, done)
      signal.addEventListener('abort', done)
    })
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
