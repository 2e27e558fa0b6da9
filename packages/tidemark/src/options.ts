import type { Clock, Codec, NearMemoryOptions } from '@tidemark/core'
import type { RedisFrontOptions } from '@tidemark/redis'
import type { ReadPolicy, WritePolicy } from '@tidemark/tiered'

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
export type RedisOptions = Omit<RedisFrontOptions, 'codec' | 'head' | 'clock' | 'random' | 'name'>

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

/** @throws RangeError when the near front would hold an entry longer than Redis does below it. */
export function assertLayered(near: NearMemoryOptions | undefined, redis: RedisOptions | undefined): void {
  if (near === undefined || redis === undefined) return
  for (const [name, above, below] of [
    ['ttlMs', near.ttlMs ?? 60_000, redis.ttlMs ?? 3_600_000],
    ['negativeTtlMs', near.negativeTtlMs ?? 10_000, redis.negativeTtlMs ?? 10_000],
  ] as const) {
    if (above > below) {
      throw new RangeError(
        `near.${name} is ${above}, longer than redis.${name}, ${below}: a tier must not outlive the one below`,
      )
    }
  }
}
