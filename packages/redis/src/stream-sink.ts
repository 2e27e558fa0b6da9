import { changeJson, ClosedError, TidemarkError } from '@tidemark/core'
import { PatientConnection } from './relay/patient-connection.ts'
import type { Link } from './link.ts'
import { STREAM_SINK } from './scripts/stream-sink.ts'
import { type RedisStreamOptions, type ResolvedStreamOptions, resolveStreamOptions } from './stream-sink-options.ts'

/** What a stream needs of a change: those of `@tidemark/hooks` have it. */
export interface StreamedChange {
  readonly seq: number
  toJSON(): Record<string, unknown>
}

/** What a stream needs to know about a batch: consumers of `@tidemark/hooks` hand it over. */
export interface StreamedContext {
  readonly signal: AbortSignal
  /** `log:epoch:seq`. */
  idempotencyKey(change: StreamedChange): string
}

/** The handler of a consumer, which holds a connection. Close it after the consumer. */
export interface RedisStreamSink extends AsyncDisposable {
  (changes: readonly StreamedChange[], context: StreamedContext): Promise<void>
  /** So that a consumer that hands changes over one by one refuses it when it begins, and not with every change. */
  readonly takesBatches: true
  /** Resolves when the connection is gone. Idempotent. */
  close(): Promise<void>
}

/** How many seqs a bitmap is about: 8 KiB. */
const STRETCH = 65_536
/** What one script call takes: it blocks the server for everybody while it runs. */
const MAX_CHANGES = 500
const MAX_BYTES = 1024 * 1024

/**
 * Adds every change to a Redis Stream, as an entry of two fields: `id` (its idempotency key) and `change` (JSON). Each change
 * once, by whichever process and lane, however often its batch comes, for as long as the server keeps its data. The id of the
 * entry is `<seq>-0` where changes come in the order of the log, as they do with one lane; with several lanes it is that or, for
 * what comes behind a later change of another lane, the next id behind it. In order per key.
 *
 * The sink rejects with a TidemarkError: DELIVERY_FAILED when the server cannot be used (a part of the batch may be added then)
 * or, not retryable, the key is no stream; CORRUPT for a change that cannot be decoded; CLOSED.
 *
 * @throws TypeError or RangeError for a wrong option.
 */
export function redisStream(options: RedisStreamOptions): RedisStreamSink {
  const resolved = resolveStreamOptions(options)
  const { client, stream } = resolved
  const connection = new PatientConnection(client, 'tidemark-stream')
  const add = async (changes: readonly StreamedChange[], context: StreamedContext): Promise<void> => {
    if (!Array.isArray(changes))
      throw new TypeError('a sink takes batches: give the consumer the option batch, say batch: 100')
    const entries = changes.map((change) => entryOf(stream, change, context.idempotencyKey(change)))
    for (const call of callsOf(entries)) {
      context.signal.throwIfAborted()
      const link = await connection.up(client.commandTimeoutMs)
      if (connection.state === 'closed') throw new ClosedError('the sink')
      // Whoever has the batch by now adds it.
      context.signal.throwIfAborted()
      if (link === undefined) throw failed(stream, new Error(`no connection to Redis at ${connection.address}`))
      await run(link, resolved, call)
    }
  }
  const close = (): Promise<void> => connection.close()
  return Object.assign(add, { takesBatches: true as const, close, [Symbol.asyncDispose]: close })
}

interface Entry {
  readonly seen: string
  readonly bit: number
  readonly seq: number
  readonly id: string
  readonly change: Buffer
}

function entryOf(stream: string, change: StreamedChange, id: string): Entry {
  const { seq } = change
  const end = `:${seq}`
  if (!id.endsWith(end))
    throw new TypeError(`the idempotency key of change ${seq} must end with "${end}", not be ${id}`)
  const seen = `${stream}:seen:${id.slice(0, -end.length)}:${Math.floor(seq / STRETCH)}`
  return { seen, bit: seq % STRETCH, seq, id, change: Buffer.from(changeJson(id, change)) }
}

function* callsOf(entries: readonly Entry[]): Generator<readonly Entry[]> {
  let call: Entry[] = []
  let bytes = 0
  for (const entry of entries) {
    if (call.length > 0 && (call.length >= MAX_CHANGES || bytes + entry.change.length > MAX_BYTES)) {
      yield call
      call = []
      bytes = 0
    }
    call.push(entry)
    bytes += entry.change.length
  }
  if (call.length > 0) yield call
}

async function run(
  link: Link,
  { stream, keep, rememberMs }: ResolvedStreamOptions,
  call: readonly Entry[],
): Promise<void> {
  const keys = [stream, ...new Set(call.map(({ seen }) => seen))]
  // Lua counts from 1.
  const numbers = new Map(keys.map((key, i) => [key, i + 1]))
  const args = call.flatMap(({ seen, bit, seq, id, change }) => [numbers.get(seen)!, bit, seq, id, change])
  try {
    await link.run(STREAM_SINK, keys, [keep, rememberMs, ...args])
  } catch (error) {
    throw failed(stream, error)
  }
}

function failed(stream: string, cause: unknown): TidemarkError {
  const { message, cause: reply } = cause as Error
  const isForeign = reply instanceof Error && /\bWRONGTYPE\b/.test(reply.message)
  const why = isForeign ? 'a key of it is of another type; name another stream' : message
  return new TidemarkError('DELIVERY_FAILED', `the stream ${stream} cannot be added to: ${why}`, {
    retryable: !isForeign,
    cause,
  })
}
