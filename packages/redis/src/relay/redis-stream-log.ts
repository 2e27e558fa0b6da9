import {
  assertInLog,
  assertKnown,
  ClosedError,
  type Codec,
  codecOption,
  duration,
  type KeyHistory,
  type KeyHistoryOptions,
  type Log,
  type LogChange,
  type LogIdentity,
  type LogPage,
  type LogReadOptions,
  markOf,
  type StoreKey,
  type TailMark,
  TidemarkError,
  wholeAtLeast,
  withoutValues,
} from '@tidemark/core'
import { type Keyspace, keyspaceOf } from '../keyspace.ts'
import type { Link } from '../link.ts'
import { CLIENT_OPTIONS, type RedisClientOptions, type ResolvedClientOptions, resolveClient } from '../options.ts'
import { PatientConnection } from './patient-connection.ts'
import { readStream, type StreamPage } from './stream-reader.ts'
import { StreamWatch } from './stream-watch.ts'

export interface RedisStreamLogOptions extends RedisClientOptions {
  /** Reads payloads when somebody asks for their value. Several: whichever wrote it. */
  readonly codec: Codec | readonly Codec[]
  /** The longest that a call waits for its answer. @default 1000 */
  readonly commandTimeoutMs?: number | undefined
  /** How long a read waits for a server, or a stream, that is not there. @default 10_000 */
  readonly patienceMs?: number | undefined
  /** How long a read waits for a stream that is being filled again to reach its position. @default 2000 */
  readonly refillMs?: number | undefined
}

/** A log as its stream in Redis holds it: for a process that cannot open the file. Read-only. */
export interface RedisStreamLog extends Log {
  /** How long ago a relay had last seen that the whole log is there, when the stream was looked at last. */
  readonly unconfirmedMs: number
  close(): Promise<void>
}

const OPTIONS: readonly string[] = [...CLIENT_OPTIONS, 'codec', 'patienceMs', 'refillMs']
const RETRY_MS = 20
/** Changes per look of a search. */
const SEARCH = 2_000
/** Of how many positions it is remembered which change was there. */
const MARKS = 1_024

/**
 * Waits until a relay has copied the log into Redis.
 * @throws TypeError or RangeError for a wrong option; TidemarkError FRONT_UNAVAILABLE when there is no stream within `patienceMs`.
 */
export async function openRedisStreamLog(options: RedisStreamLogOptions): Promise<RedisStreamLog> {
  assertKnown(options, OPTIONS, 'openRedisStreamLog')
  const { codec, patienceMs = 10_000, refillMs = 2_000 } = options
  for (const one of [codec].flat()) codecOption(one)
  const log = new StreamLog(resolveClient({ commandTimeoutMs: 1_000, ...options }), {
    codec,
    patienceMs: duration('option patienceMs', patienceMs),
    refillMs: duration('option refillMs', refillMs),
  })
  try {
    await log.head()
  } catch (error) {
    await log.close()
    throw error
  }
  return log
}

interface Reading {
  readonly codec: Codec | readonly Codec[]
  readonly patienceMs: number
  readonly refillMs: number
}

class StreamLog implements RedisStreamLog {
  readonly sync = undefined
  readonly #options: ResolvedClientOptions
  readonly #reading: Reading
  readonly #names: Keyspace
  readonly #connection: PatientConnection
  readonly #blocked: PatientConnection
  readonly #watch: StreamWatch
  /** Which change was at a position that somebody may read on from, and in which generation of the stream it was read. */
  readonly #marks = new Map<number, { readonly mark: TailMark; readonly generation: string }>()
  #identity: LogIdentity = { id: '', epoch: 0 }
  #unconfirmedMs = Infinity
  #closed = false

  constructor(options: ResolvedClientOptions, reading: Reading) {
    this.#options = options
    this.#reading = reading
    this.#names = keyspaceOf(options.namespace)
    this.#connection = new PatientConnection(options, 'tidemark-stream')
    // A blocked command keeps everything behind it waiting.
    this.#blocked = new PatientConnection(options, 'tidemark-stream-wait')
    this.#watch = new StreamWatch(this.#blocked, this.#names, options.clock)
  }

  get identity(): LogIdentity {
    return this.#identity
  }

  get unconfirmedMs(): number {
    return this.#unconfirmedMs
  }

  async head(): Promise<number> {
    return (await this.#look(Number.MAX_SAFE_INTEGER, 1)).state.whole
  }

  async floor(): Promise<number> {
    return (await this.#look(Number.MAX_SAFE_INTEGER, 1)).floor
  }

  async read({ after, limit, values = true }: LogReadOptions): Promise<LogPage> {
    wholeAtLeast('after', after, 0)
    wholeAtLeast('limit', limit, 1)
    const { state, floor, changes, gap } = await this.#reaching(after, limit)
    assertInLog(after, { floor, head: state.whole })
    if (gap !== undefined && changes.length === 0) throw this.#lacks(gap)
    const last = changes.at(-1)
    if (last !== undefined) this.#remember(last.seq, markOf(last), state.generation)
    return {
      changes: values ? changes : changes.map(withoutValues),
      head: last === undefined ? after : state.whole,
    }
  }

  /** Those that the stream holds. Costs a round trip each. */
  async at(seqs: readonly number[]): Promise<readonly (LogChange | undefined)[]> {
    return Promise.all(
      seqs.map(async (seq) => {
        if (seq < 1) return undefined
        const { changes } = await this.#look(seq - 1, 1)
        return changes.find((change) => change.seq === seq)
      }),
    )
  }

  async seqBefore(at: number): Promise<number | undefined> {
    const floor = await this.floor()
    let [low, high] = [floor, await this.head()]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      const [change] = await this.at([middle])
      // Gone meanwhile: the stream begins later now.
      if (change === undefined) return undefined
      if (change.at < at) low = middle
      else high = middle - 1
    }
    return low === floor && floor > 0 ? undefined : low
  }

  /** Reads the whole stream. */
  async changesOf(key: StoreKey, { before = Infinity, limit, signal }: KeyHistoryOptions): Promise<KeyHistory> {
    wholeAtLeast('limit', limit, 1)
    let floor = await this.floor()
    const all: LogChange[] = []
    for (let after = floor; after < before - 1;) {
      signal?.throwIfAborted()
      const page = await this.#look(after, SEARCH)
      const { changes, gap } = page
      // The stream has been cut meanwhile: it tells of what is left.
      if (after < page.floor) after = floor = page.floor
      else if (changes.length === 0 && gap !== undefined) throw this.#lacks(gap)
      else if (changes.length === 0) break
      if (changes.length === 0) continue
      for (const change of changes) if (change.key.id === key.id && change.seq < before) all.push(change)
      after = changes.at(-1)!.seq
    }
    const changes = all.toReversed().slice(0, limit)
    return { changes, end: changes.length === limit ? 'limit' : floor === 0 ? 'start' : 'floor' }
  }

  wait(after: number, signal: AbortSignal): Promise<void> {
    return this.#watch.wait(wholeAtLeast('after', after, 0), signal)
  }

  /** The server tells: nothing is to be had by looking earlier. */
  nudge(): void {}

  async close(): Promise<void> {
    this.#closed = true
    this.#watch.close()
    await Promise.all([this.#connection.close(), this.#blocked.close()])
  }

  /** As {@link #look}, given time where the stream ends before `after`: it was lost, perhaps, and is being filled again. */
  async #reaching(after: number, limit: number): Promise<StreamPage> {
    const { clock } = this.#options
    const end = clock.monotonic() + this.#reading.refillMs
    for (;;) {
      const page = await this.#look(after, limit)
      if (after <= page.state.whole || clock.monotonic() >= end) {
        await this.#checkHistory(after, page)
        return page
      }
      await clock.sleep(RETRY_MS)
    }
  }

  /**
   * One look at the stream, through short outages: reading twice does no harm.
   * @throws TidemarkError FRONT_UNAVAILABLE, TIMEOUT; ClosedError
   */
  async #look(after: number, limit: number): Promise<StreamPage> {
    const { clock } = this.#options
    const end = clock.monotonic() + this.#reading.patienceMs
    for (;;) {
      if (this.#closed) throw new ClosedError('the stream')
      const isLast = clock.monotonic() >= end
      try {
        const page = await this.#ask(after, limit, Math.max(0, end - clock.monotonic()))
        this.#unconfirmedMs = page.unconfirmedMs
        this.#identity = { id: page.state.id, epoch: page.state.epoch }
        return page
      } catch (error) {
        if (this.#closed) throw new ClosedError('the stream')
        if (isLast || !(error instanceof TidemarkError && error.retryable)) throw error
      }
      await clock.sleep(RETRY_MS)
    }
  }

  async #ask(after: number, limit: number, withinMs: number): Promise<StreamPage> {
    const link: Link | undefined = await this.#connection.up(withinMs)
    const page = link && (await readStream(link, this.#names, this.#reading.codec, after, limit))
    if (page !== undefined) return page
    const what =
      link === undefined
        ? `Redis at ${this.#connection.address} cannot be reached`
        : `no instance copies its log into Redis at ${this.#connection.address} under ${this.#options.namespace}; open the store with the file, and with relay: true`
    throw new TidemarkError('FRONT_UNAVAILABLE', what, { retryable: true, tier: this.#options.name })
  }

  /**
   * A stream that was started anew may be one of another history, in which what was read up to `after` has never happened: a
   * backup was restored, and nobody has said so.
   */
  async #checkHistory(after: number, { state, floor }: StreamPage): Promise<void> {
    const known = this.#marks.get(after)
    if (known === undefined || known.generation === state.generation || after <= floor || after > state.whole) return
    const [change] = (await this.#look(after - 1, 1)).changes
    if (change !== undefined && markOf(change) !== known.mark) {
      throw new TidemarkError(
        'LOG_DIVERGED',
        `change ${after} is not the one that was read before: the log was restored and written since; take a snapshot and follow from now`,
      )
    }
    this.#remember(after, known.mark, state.generation)
  }

  #remember(seq: number, mark: TailMark, generation: string): void {
    this.#marks.delete(seq)
    this.#marks.set(seq, { mark, generation })
    if (this.#marks.size > MARKS) this.#marks.delete(this.#marks.keys().next().value!)
  }

  #lacks({ after, next }: NonNullable<StreamPage['gap']>): TidemarkError {
    const { stream, streamMeta } = this.#names
    return new TidemarkError(
      'LOG_GAP',
      `the stream in Redis lacks the changes between ${after} and ${next}: somebody has removed entries from it; delete ${stream} and ${streamMeta}, and a relay fills it again`,
    )
  }
}
