import {
  type Back,
  createCborCodec,
  createMemoryBack,
  createNearMemory,
  startSweeper,
  systemClock,
} from '@tidemark/core'
import { createRedisFront, createRedisNudge } from '@tidemark/redis'
import { createSqliteBack } from '@tidemark/sqlite'
import { createTiered } from '@tidemark/tiered'
import { assertKnown, assertLayered, type OpenOptions } from './options.ts'
import { Tidemark } from './tidemark.ts'

/** Poll intervals of the log, in milliseconds: while other processes say when they have written, and while none does. */
const POLL_NUDGED_MS = 15
const POLL_ALONE_MS = 2
const SWEEP_BATCH = 500

/**
 * Opens a store: near memory over Redis (where given) over SQLite. Resolves when the back tier is ready; a front that
 * cannot be reached does not keep the store from opening.
 *
 * @throws TypeError or RangeError for a wrong option; TidemarkError SCHEMA_TOO_NEW, NOT_A_DATABASE, FOLDER_MISSING,
 * READ_ONLY, DISK_FULL, RUNTIME_TOO_OLD, BUSY.
 */
export async function open(options: OpenOptions = {}): Promise<Tidemark> {
  assertKnown(options)
  const { sweepEveryMs = 1_000, clock = systemClock, codec = createCborCodec() } = options
  const { maxStaleMs, ...near } = options.near === false ? { maxStaleMs: undefined } : (options.near ?? {})
  const onError = options.onError ?? ((error) => console.error('tidemark:', error))
  const redis = typeof options.redis === 'string' ? { url: options.redis } : options.redis

  assertLayered(options.near === false ? undefined : near, redis)

  const nudge =
    redis && createRedisNudge({ url: redis.url, connection: redis.connection, namespace: redis.namespace, clock })
  const back: Back =
    options.file === undefined
      ? createMemoryBack({ codec, clock })
      : createSqliteBack({
          file: options.file,
          codec,
          clock,
          synchronous: options.synchronous,
          busyTimeoutMs: options.busyTimeoutMs,
          pollMs: () => (nudge?.active === true ? POLL_NUDGED_MS : POLL_ALONE_MS),
        })
  const front = redis && createRedisFront({ ...redis, codec, clock, head: () => back.log.head() })
  const tiers = createTiered({
    back,
    near: options.near === false ? undefined : createNearMemory({ ...near, clock }),
    fronts: front === undefined ? [] : [front],
    writePolicy: options.writePolicy,
    readPolicy: options.readPolicy,
    nearMaxStaleMs: maxStaleMs,
    clock,
  })
  if (nudge !== undefined) {
    const { id: log, epoch } = back.log.identity
    back.onCommit((commits) => nudge.publish({ log, epoch, head: commits.at(-1)?.asOf ?? 0 }))
    nudge.onNudge((heard) => {
      if (heard.log === log) back.log.nudge()
    })
  }
  const stopSweeping =
    sweepEveryMs === 0
      ? async (): Promise<void> => {}
      : startSweeper(tiers, { clock, everyMs: sweepEveryMs, batch: SWEEP_BATCH, onError })
  return new Tidemark(tiers, {
    clock,
    beforeClose: stopSweeping,
    afterClose: async () => nudge?.close(),
  })
}
