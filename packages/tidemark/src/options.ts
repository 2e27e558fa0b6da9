import {
  assertKnown,
  between,
  callback,
  type Clock,
  clockOption,
  type Codec,
  codecOption,
  duration,
  flag,
  type NearMemoryOptions,
  oneOf,
} from '@tidemark/core'
import type { CompactorOptions } from '@tidemark/hooks'
import type { RedisFrontOptions } from '@tidemark/redis'
import type { OpenMode } from '@tidemark/sqlite'
import type {
  Acknowledgement,
  ReadPolicy,
  WarmOptions,
  WarmStrategy,
  WriteBehindOptions as TieredWriteBehind,
  WritePolicy,
} from '@tidemark/tiered'

/** The front in this process. */
export interface NearOptions extends Pick<
  NearMemoryOptions,
  'maxEntries' | 'maxBytes' | 'ttlMs' | 'negativeTtlMs' | 'jitter'
> {
  /**
   * How long the near front may go unproven before a read checks the log, in milliseconds. 0: the reads of every turn
   * are preceded by a check (about 2 µs, shared), and no read misses an acknowledged write.
   * @default 0
   */
  readonly maxStaleMs?: number | undefined
}

/** The shared front. */
export interface RedisOptions extends Omit<RedisFrontOptions, 'codec' | 'clock' | 'random' | 'name' | 'metaTtlMs'> {
  /**
   * Δ, in milliseconds, 30..60,000: whatever has failed, a read that Redis answers misses no write that was committed
   * longer ago than this. Without failures it misses none that was acknowledged.
   * @default 300
   */
  readonly maxStaleMs?: number | undefined
}

/** The copy of the log in Redis, for processes that cannot open the file. */
export interface RelayOptions {
  /**
   * How many changes it keeps, about; who is further behind has to take a snapshot from an instance with the file.
   * @default 50_000
   */
  readonly keep?: number | undefined
  /** A value that takes more bytes stays behind: readers learn that there is one. @default 16_384 */
  readonly maxValueBytes?: number | undefined
  /**
   * How long the copy stays in Redis when no instance relays any more, in whole milliseconds: 60,000 at least, or Infinity. An
   * instance that comes later begins it anew from the log. `dropRelay()` deletes it at once. @default 604_800_000 (7 days)
   */
  readonly ttlMs?: number | undefined
}

/** How much of the log is kept: a change goes as soon as one of the rules says so, unless a consumer still needs it. */
export interface CompactionOptions extends Omit<CompactorOptions, 'heldBy' | 'clock' | 'step'> {}

/** How writes with `writePolicy: 'write-behind'` are kept until they are flushed. */
export interface WriteBehindOptions extends Omit<TieredWriteBehind, 'presence' | 'shared'> {}

/** What {@link open} takes. A wrong or unknown option throws at once. */
export interface OpenOptions {
  /** The SQLite file that holds values and log; made when it does not exist. Left out: a store in memory, gone at exit. */
  readonly file?: string | undefined
  /**
   * `open`: the store has to be there. `create`: there must be no file, or an empty one; of several processes exactly one succeeds.
   * @default 'open-or-create'
   */
  readonly mode?: OpenMode | undefined
  /** With `true`, `open` takes what ReadOnlyOptions says. @default false */
  readonly readOnly?: false | undefined
  /** The shared front. A string is its URL. @default none: the near fronts follow the file's log and stay coherent without it */
  readonly redis?: string | RedisOptions | undefined
  /** The front in this process; false: none. @default with its defaults */
  readonly near?: NearOptions | false | undefined
  /**
   * Copies the log into Redis, for {@link openReader}; needs `redis`. Any number of instances may: the others take over at
   * once when one ends.
   * @default false
   */
  readonly relay?: boolean | RelayOptions | undefined
  /**
   * Shortens the log in the background. Changes that a registered consumer has not handled yet stay, within `holdBack`.
   * @default none: the log keeps every change
   */
  readonly compaction?: CompactionOptions | undefined
  /**
   * Brings entries into the fronts before `open` resolves, as {@link Tidemark.warm} does; `true`: what is missing. A front
   * that cannot be reached is passed over; that a `mirror` could not ask it what it holds is told to `onError`. What it did is
   * told by `store.warmed`.
   * @default false
   */
  readonly warmOnOpen?: boolean | WarmStrategy | Omit<WarmOptions, 'signal'> | undefined
  /** @default 'write-through' */
  readonly writePolicy?: WritePolicy | undefined
  /** Of use with `writePolicy: 'write-behind'`, for the store or for single writes. */
  readonly writeBehind?: WriteBehindOptions | undefined
  /** @default 'frontend-first' */
  readonly readPolicy?: ReadPolicy | undefined
  /**
   * `bounded`: a write is acknowledged when it is durable and Redis was told, or could not be. `strict`: when, in addition,
   * no process can read from Redis any more what it replaced; while Redis cannot be reached that takes one Δ for the first
   * write, and nothing for those that follow.
   * @default 'bounded'
   */
  readonly ack?: Acknowledgement | undefined
  /**
   * `full`: an acknowledged write survives a power loss. `normal`: it survives a crash of the process only.
   * @default 'full'
   */
  readonly synchronous?: 'full' | 'normal' | undefined
  /** How long a write waits for other processes on the same file before it fails with BUSY, in milliseconds. @default 5_000 */
  readonly busyTimeoutMs?: number | undefined
  /** Milliseconds between two sweeps that turn expired entries into logged changes. 0: this process never sweeps. @default 1_000 */
  readonly sweepEveryMs?: number | undefined
  /** @default CBOR */
  readonly codec?: Codec | undefined
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
  /**
   * Called with failures that no promise of the caller tells; once, and not for each try, when Redis refuses what is relayed.
   * @default they are written to the console
   */
  readonly onError?: ((error: unknown) => void) | undefined
  /**
   * Gets one line whenever a shared front falls out or is full, and when that is over, or when Redis takes again what is
   * relayed; false: nobody does.
   * @default they are written to the console
   */
  readonly log?: ((line: string) => void) | false | undefined
}

const KNOWN = [
  'file',
  'mode',
  'redis',
  'near',
  'relay',
  'compaction',
  'warmOnOpen',
  'writePolicy',
  'writeBehind',
  'readPolicy',
  'readOnly',
  'ack',
  'synchronous',
  'busyTimeoutMs',
  'sweepEveryMs',
  'codec',
  'clock',
  'onError',
  'log',
] as const satisfies readonly (keyof OpenOptions)[]

const NEAR = [
  'maxEntries',
  'maxBytes',
  'ttlMs',
  'negativeTtlMs',
  'jitter',
  'maxStaleMs',
] as const satisfies readonly (keyof NearOptions)[]

const RELAY = ['keep', 'maxValueBytes', 'ttlMs'] as const satisfies readonly (keyof RelayOptions)[]

const WRITE_BEHIND = [
  'acknowledge',
  'maxDirty',
  'maxBytes',
  'maxAgeMs',
  'capacity',
  'leaseMs',
  'unrecovered',
  'recoverWithinMs',
] as const satisfies readonly (keyof WriteBehindOptions)[]

const COMPACTION = [
  'maxAgeMs',
  'maxChanges',
  'maxBytes',
  'keepLatestPerKey',
  'everyMs',
  'holdBack',
] as const satisfies readonly (keyof CompactionOptions)[]

/** As `createSqliteBack` has it. */
const LONGEST_BUSY_MS = 600_000
/** As `createRedisFront` has them. */
const REDIS_TTL_MS = 3_600_000
const REDIS_NEGATIVE_TTL_MS = 10_000
const REDIS_JITTER = 0.1
/** What `createRedisFront` takes is 128; a dot and the 32 digits of the log's id are added. */
const NAMESPACE = /^[\w.-]{1,95}$/
/** As `createNearMemory` has them. */
const NEAR_TTL_MS = 60_000
const NEAR_NEGATIVE_TTL_MS = 10_000

export interface ResolvedOptions extends Pick<
  OpenOptions,
  'file' | 'mode' | 'writePolicy' | 'writeBehind' | 'readPolicy' | 'ack' | 'synchronous' | 'busyTimeoutMs'
> {
  readonly readOnly: boolean
  readonly redis: Omit<RedisOptions, 'maxStaleMs'> | undefined
  readonly frontMaxStaleMs: number | undefined
  readonly near: Omit<NearOptions, 'maxStaleMs'> | undefined
  readonly relay: RelayOptions | undefined
  readonly compaction: CompactionOptions | undefined
  readonly nearMaxStaleMs: number | undefined
  readonly warmOnOpen: WarmStrategy | WarmOptions | undefined
  readonly sweepEveryMs: number
  readonly codec: Codec
  readonly clock: Clock
  readonly onError: (error: unknown) => void
  readonly log: (line: string) => void
}

/**
 * Finds what no part would ever see, or would tell less clearly; the rest is for the parts to validate.
 * @throws TypeError or RangeError that names the option and what is allowed.
 */
export function resolveOptions(options: OpenOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null) throw new TypeError('open() takes an object of options')
  assertKnown(options, KNOWN)
  const readOnly = flag('option readOnly', options.readOnly ?? false)
  const { synchronous, busyTimeoutMs, sweepEveryMs = 1_000 } = options
  const { onError = (error: unknown) => console.error('tidemark:', error) } = options
  if (options.mode !== undefined && options.file === undefined) throw new TypeError('option mode needs the option file')
  // Without a file, no part takes these.
  if (synchronous !== undefined) oneOf('option synchronous', synchronous, ['full', 'normal'])
  if (busyTimeoutMs !== undefined) between('option busyTimeoutMs', busyTimeoutMs, 0, LONGEST_BUSY_MS)
  const { maxStaleMs: frontMaxStaleMs, ...redis } = redisOf(options.redis) ?? {}
  const hasRedis = options.redis !== undefined
  const { maxStaleMs, ...near } = nearOf(options.near, hasRedis ? redis : undefined) ?? {}
  return {
    file: options.file,
    mode: options.mode,
    readOnly,
    writePolicy: options.writePolicy,
    writeBehind: writeBehindOf(options.writeBehind),
    readPolicy: options.readPolicy,
    ack: options.ack,
    synchronous,
    busyTimeoutMs,
    redis: hasRedis ? redis : undefined,
    frontMaxStaleMs,
    near: options.near === false ? undefined : near,
    nearMaxStaleMs: maxStaleMs,
    relay: relayOf(options.relay, hasRedis),
    compaction: compactionOf(options.compaction),
    warmOnOpen: options.warmOnOpen === true ? 'missing' : options.warmOnOpen || undefined,
    sweepEveryMs: readOnly ? 0 : duration('option sweepEveryMs', sweepEveryMs),
    codec: codecOption(options.codec),
    clock: clockOption(options.clock),
    onError: callback('option onError', onError),
    log: logOf(options.log),
  }
}

function logOf(log: OpenOptions['log']): (line: string) => void {
  if (log === false) return () => {}
  return callback('option log', log ?? ((line: string) => console.warn(`tidemark: ${line}`)))
}

/** @throws TypeError */
function relayOf(given: OpenOptions['relay'], hasRedis: boolean): RelayOptions | undefined {
  if (given === undefined || given === false) return undefined
  if (given !== true && (typeof given !== 'object' || given === null)) {
    throw new TypeError('relay must be true, false, or an object of options')
  }
  if (!hasRedis) throw new TypeError('relay needs the option redis: it copies the log there')
  const relay = given === true ? {} : given
  assertKnown(relay, RELAY, 'relay')
  return relay
}

/** Those that are not for the caller; the rest is for the compactor to validate. @throws TypeError */
function compactionOf(given: OpenOptions['compaction']): CompactionOptions | undefined {
  if (given === undefined) return undefined
  assertKnown(given, COMPACTION, 'compaction')
  return given
}

/** @throws TypeError */
/** Those that are not for the caller; the rest is for the tiers to validate. @throws TypeError */
function writeBehindOf(given: OpenOptions['writeBehind']): WriteBehindOptions | undefined {
  if (given !== undefined) assertKnown(given, WRITE_BEHIND, 'writeBehind')
  return given
}

export function redisOf(given: OpenOptions['redis']): RedisOptions | undefined {
  if (given === undefined) return undefined
  if (typeof given === 'string') return { url: given }
  if (typeof given === 'object' && given !== null) {
    // The front takes them, and open() decides on them.
    for (const name of ['metaTtlMs', 'clock', 'codec'])
      if (name in given) throw new TypeError(`unknown option ${name} of redis`)
    const { namespace } = given
    if (namespace === undefined || NAMESPACE.test(namespace)) return given
    // Here, and not with the id added, which nobody gave.
    const message = 'allowed: 1 to 95 letters, digits, "_", "." and "-", as the id of the log is added'
    throw new TypeError(`redis.namespace is "${namespace}"; ${message}`)
  }
  throw new TypeError('redis must be a URL, such as redis://127.0.0.1:6379, or an object of options')
}

/** Times that were not given follow those of Redis. @throws RangeError when a given one would outlive the tier below. */
function nearOf(given: OpenOptions['near'], redis: RedisOptions | undefined): NearOptions | undefined {
  if (given === false) return undefined
  if (given !== undefined && (typeof given !== 'object' || given === null)) {
    throw new TypeError('near must be an object of options, or false for none')
  }
  const near = given ?? {}
  assertKnown(near, NEAR, 'near')
  if (redis === undefined) return near
  const { ttlMs = REDIS_TTL_MS, negativeTtlMs = REDIS_NEGATIVE_TTL_MS, jitter = REDIS_JITTER } = redis
  return {
    ...near,
    ttlMs: layered('ttlMs', near.ttlMs, NEAR_TTL_MS, ttlMs, jitter),
    negativeTtlMs: layered('negativeTtlMs', near.negativeTtlMs, NEAR_NEGATIVE_TTL_MS, negativeTtlMs, jitter),
  }
}

/** Redis shortens a record's time by up to `jitter`, at random: near memory stays below the shortest. */
function layered(name: string, given: number | undefined, otherwise: number, below: number, jitter: number): number {
  if (given !== undefined && given > below) {
    throw new RangeError(
      `near.${name} is ${given}, longer than redis.${name}, ${below}: a tier must not outlive the one below`,
    )
  }
  return Math.max(1, Math.min(given ?? otherwise, below * (1 - jitter)))
}
