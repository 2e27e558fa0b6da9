import { assertKnown } from '@tidemark/core'
import { dropRedisFront } from '@tidemark/redis'
import { deleteStoredFile, findStoredFile } from '@tidemark/sqlite'
import { namespaceOf } from './namespace.ts'
import { open } from './open.ts'
import { type OpenOptions, type RedisOptions, redisOf } from './options.ts'
import type { Tidemark } from './tidemark.ts'

/** What {@link destroy} takes. */
export interface DestroyOptions {
  /** The file of the store. */
  readonly file: string
  /**
   * The shared front, as the store was opened with it.
   * @default none: what Redis holds of it expires by itself, and is never read again
   */
  readonly redis?: string | RedisOptions | undefined
  /** How long others may take to close the file, and Redis to be there, each in milliseconds. @default 5_000 */
  readonly timeoutMs?: number | undefined
}

const KNOWN = ['file', 'redis', 'timeoutMs'] as const satisfies readonly (keyof DestroyOptions)[]

/**
 * Makes a new store and opens it: {@link open} with the mode `create`. An empty file, as `mktemp` makes one, holds no store yet
 * and becomes one; with anything else in it, it stays as it is.
 * @throws as `open`; TidemarkError FILE_EXISTS: of several that create the same file, exactly one succeeds
 */
export async function create(options: Omit<OpenOptions, 'mode'> & { readonly file: string }): Promise<Tidemark> {
  const { mode } = options as OpenOptions
  if (mode !== undefined) throw new TypeError(`create has no option mode: it is open with 'create', not '${mode}'`)
  return open({ ...options, mode: 'create' })
}

/**
 * Whether there is a store in the file, open or not. Where nobody has it open, looking leaves `-shm` and an empty `-wal` beside
 * it, as every reader does; the next who writes takes them away when he closes.
 * @throws TidemarkError NOT_A_DATABASE when there is something else; READ_ONLY, DISK_FULL, BUSY, IO when it cannot be looked at
 */
export async function exists(file: string): Promise<boolean> {
  return findStoredFile(pathOf(file)) !== undefined
}

/**
 * Deletes a store that nobody has open: what Redis keeps of it, then the file. Nothing is ever touched that is not this
 * store's own, in Redis neither.
 *
 * @returns whether there was one
 * @throws TypeError for a wrong option; TidemarkError BUSY while it is open anywhere; NOT_A_DATABASE; FRONT_UNAVAILABLE, TIMEOUT
 * when Redis cannot be reached, and the file stays as it was; READ_ONLY, DISK_FULL, IO
 */
export async function destroy(options: DestroyOptions): Promise<boolean> {
  assertKnown(options, KNOWN, 'destroy')
  const { timeoutMs } = options
  const redis = redisOf(options.redis)
  return deleteStoredFile(pathOf(options.file), {
    busyTimeoutMs: timeoutMs,
    alongside:
      redis &&
      (({ logId }) =>
        dropRedisFront({
          url: redis.url,
          connection: redis.connection,
          namespace: namespaceOf(redis, logId),
          announcedIn: redis.namespace ?? 'tidemark',
          logId,
          withinMs: timeoutMs,
        })),
  })
}

function pathOf(file: unknown): string {
  if (typeof file !== 'string' || file === '') throw new TypeError('the file of the store is a path')
  return file
}
