import type { Clock, Codec } from '@tidemark/core'
import type { ReadPolicy, WritePolicy } from '@tidemark/tiered'

export interface NearOptions {
  /** @default 100_000 */
  readonly maxEntries?: number | undefined
  /** @default 64 MiB */
  readonly maxBytes?: number | undefined
  /** How long an entry stays without being read from below again, in milliseconds. @default 60_000 */
  readonly ttlMs?: number | undefined
  /** The same for "does not exist". @default 10_000 */
  readonly negativeTtlMs?: number | undefined
  /**
   * How long the near front may go unproven before a read checks the log, in milliseconds. 0: every turn's reads are
   * preceded by a check (about 2 µs, shared), and no read misses an acknowledged write.
   * @default 0
   */
  readonly maxStaleMs?: number | undefined
}

export interface RedisOptions {
  /** `redis://[user:password@]host[:port][/db]` */
  readonly url: string
  /** Stands before every key of this store in Redis. @default 'tidemark' */
  readonly namespace?: string | undefined
  /** How long a record stays at most, in milliseconds. @default 3_600_000 */
  readonly ttlMs?: number | undefined
  /** The same for "does not exist". @default 60_000 */
  readonly negativeTtlMs?: number | undefined
  /** The bound on every call, in milliseconds. @default 50 */
  readonly commandTimeoutMs?: number | undefined
}

/** What {@link open} takes. A wrong or unknown option throws at once. */
export interface OpenOptions {
  /** The SQLite file that holds values and log; made when it does not exist. Left out: a store in memory, gone at exit. */
  readonly file?: string | undefined
  /** The shared front. A string is its URL. @default none: the near fronts follow the file's log and stay coherent without it */
  readonly redis?: string | RedisOptions | undefined
  /** The front in this process; false: none. @default with its defaults */
  readonly near?: NearOptions | false | undefined
  /** @default 'write-through' */
  readonly writePolicy?: WritePolicy | undefined
  /** @default 'frontend-first' */
  readonly readPolicy?: ReadPolicy | undefined
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
  /** Called with failures that no promise of the caller tells. @default they are written to the console */
  readonly onError?: ((error: unknown) => void) | undefined
}

const KNOWN = [
  'file',
  'redis',
  'near',
  'writePolicy',
  'readPolicy',
  'synchronous',
  'busyTimeoutMs',
  'sweepEveryMs',
  'codec',
  'clock',
  'onError',
] as const satisfies readonly (keyof OpenOptions)[]

/** The parts validate what is theirs; this finds what no part would ever see. */
export function assertKnown(options: OpenOptions): void {
  const unknown = Object.keys(options).find((name) => !(KNOWN as readonly string[]).includes(name))
  if (unknown !== undefined) throw new TypeError(`unknown option ${unknown}; open() takes ${KNOWN.join(', ')}`)
}
