import {
  assertKnown,
  between,
  callback,
  type Clock,
  clockOption,
  type Codec,
  codecOption,
  wholeBetween,
} from '@tidemark/core'
import { checkConnection, connectionOfUrl, type RedisConnection } from './connection-settings.ts'
import { NAMESPACE } from './keyspace.ts'

/** How to reach the server, and how long to wait for it. */
export interface RedisClientOptions {
  /** `redis://user:password@host:6379/0`, `rediss://` for TLS. Either this or `connection`. */
  readonly url?: string | undefined
  readonly connection?: RedisConnection | undefined
  /** Separates what shares a server: letters, digits, `_`, `.` and `-`. @default 'tidemark' */
  readonly namespace?: string | undefined
  /** The name of the tier in errors, events and results. @default 'redis' */
  readonly name?: string | undefined
  /** The longest that a call waits for its answer. @default 50 */
  readonly commandTimeoutMs?: number | undefined
  /** The longest that an attempt to connect takes. @default 1000 */
  readonly connectTimeoutMs?: number | undefined
  readonly clock?: Clock | undefined
  /** A number from 0 up to but not including 1. @default Math.random */
  readonly random?: () => number
}

/** The shared front of one log: its server, what it reads values with, and how long it holds them. */
export interface RedisFrontOptions extends RedisClientOptions {
  /** Reads payloads when somebody asks for their value. Several: whichever wrote it. */
  readonly codec: Codec | readonly Codec[]
  /** How long a value stays at most. @default 3_600_000 (an hour) */
  readonly ttlMs?: number | undefined
  /** How long the knowledge that a key does not exist stays at most. @default 10_000 */
  readonly negativeTtlMs?: number | undefined
  /** The fraction by which a lifetime may be shortened at random, so that what came together does not go together. @default 0.1 */
  readonly jitter?: number | undefined
  /**
   * Values that take more bytes, with what the writer attached, are never held: they would keep everybody else's
   * commands waiting. 1 to 512 MiB. @default 1_048_576 (1 MiB)
   */
  readonly maxRecordBytes?: number | undefined
  /**
   * How long what the front knows about its records stays after the last look at it; closing deletes it then. For a log
   * that ends with its process, and which nobody else uses. @default for ever
   */
  readonly metaTtlMs?: number | undefined
}

export interface ResolvedClientOptions {
  readonly connection: RedisConnection
  readonly namespace: string
  readonly name: string
  readonly commandTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly clock: Clock
  readonly random: () => number
}

export interface ResolvedFrontOptions extends ResolvedClientOptions {
  readonly codec: Codec | readonly Codec[]
  readonly ttlMs: number
  readonly negativeTtlMs: number
  readonly jitter: number
  readonly maxRecordBytes: number
  readonly metaTtlMs: number | undefined
}

export const CLIENT_OPTIONS: readonly string[] = [
  'url',
  'connection',
  'namespace',
  'name',
  'commandTimeoutMs',
  'connectTimeoutMs',
  'clock',
  'random',
]
const FRONT_OPTIONS = [...CLIENT_OPTIONS, 'codec', 'ttlMs', 'negativeTtlMs', 'jitter', 'maxRecordBytes', 'metaTtlMs']
/** 100 years: beyond any use, and far below what Redis and float64 can count. */
const LONGEST_MS = 100 * 365 * 86_400_000
/** What Redis takes as one string, by default. */
const LARGEST_RECORD = 512 * 1024 * 1024
/** What a timer can count. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

/** @throws TypeError or RangeError, naming the option and what is allowed. */
export function resolveFrontOptions(options: RedisFrontOptions): ResolvedFrontOptions {
  assertKnown(options, FRONT_OPTIONS)
  const { codec, ttlMs = 3_600_000, negativeTtlMs = 10_000, jitter = 0.1, maxRecordBytes = 1024 * 1024 } = options
  const { metaTtlMs } = options
  if (codec === undefined) throw new TypeError('option codec is required: the codec of the store')
  for (const one of [codec].flat()) codecOption(one)
  between('option ttlMs', ttlMs, 1, LONGEST_MS)
  between('option negativeTtlMs', negativeTtlMs, 1, LONGEST_MS)
  between('option jitter', jitter, 0, 1)
  between('option maxRecordBytes', maxRecordBytes, 1, LARGEST_RECORD)
  if (metaTtlMs !== undefined) wholeBetween('option metaTtlMs', metaTtlMs, 1, LONGEST_MS)
  return Object.freeze({ ...resolveClient(options), codec, ttlMs, negativeTtlMs, jitter, maxRecordBytes, metaTtlMs })
}

/** @throws TypeError or RangeError, naming the option and what is allowed. */
export function resolveClientOptions(options: RedisClientOptions): ResolvedClientOptions {
  assertKnown(options, CLIENT_OPTIONS)
  return Object.freeze(resolveClient(options))
}

/** Looks at the options of a client only. @throws TypeError or RangeError, naming the option and what is allowed. */
export function resolveClient(options: RedisClientOptions): ResolvedClientOptions {
  const { namespace = 'tidemark', name = 'redis', commandTimeoutMs = 50, connectTimeoutMs = 1_000 } = options
  if (typeof namespace !== 'string' || !NAMESPACE.test(namespace)) {
    throw new TypeError(`option namespace is "${namespace}"; allowed: 1 to 128 letters, digits, "_", "." and "-"`)
  }
  if (typeof name !== 'string' || name === '') throw new TypeError('option name is empty; allowed: any other text')
  between('option commandTimeoutMs', commandTimeoutMs, 1, LONGEST_TIMEOUT_MS)
  between('option connectTimeoutMs', connectTimeoutMs, 1, LONGEST_TIMEOUT_MS)
  const clock = clockOption(options.clock)
  const random = callback('option random', options.random ?? Math.random)
  return { connection: connectionOf(options), namespace, name, commandTimeoutMs, connectTimeoutMs, clock, random }
}

function connectionOf({ url, connection }: RedisClientOptions): RedisConnection {
  if ((url === undefined) === (connection === undefined)) throw new TypeError('give either url or connection')
  const resolved = connection ?? connectionOfUrl(url!)
  checkConnection(resolved)
  return Object.freeze({ ...resolved })
}
