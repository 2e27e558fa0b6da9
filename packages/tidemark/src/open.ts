import { type Back, createMemoryBack, createNearMemory, startSweeper } from '@tidemark/core'
import { consumerPositions, guarded, startCompactor } from '@tidemark/hooks'
import { createRedisFront, createRedisJournal, createRedisNudge, createRedisRelay } from '@tidemark/redis'
import { createSqliteBack } from '@tidemark/sqlite'
import { createTiered } from '@tidemark/tiered'
import { assertReadable } from './codec-mark.ts'
import { namespaceOf } from './namespace.ts'
import { type OpenOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { presence } from './presence.ts'
import { assertReadsOnly, type ReadOnlyOptions } from './read-only.ts'
import { tierLog } from './tier-log.ts'
import { internalsOf, Tidemark, warmFirst } from './tidemark.ts'

/** Poll intervals of the log, in milliseconds: while other processes say when they have written, and while none does. */
const POLL_NUDGED_MS = 15
const POLL_ALONE_MS = 2
const SWEEP_BATCH = 500
/** How long Redis remembers a log in memory whose process was killed: more than it may stand still, less than for ever. */
const VOLATILE_META_MS = 3_600_000
/** With Redis, from twice as many waiting writers on, one half of them commits while Redis takes the other. */
const MIN_GROUP = 64

/**
 * Opens a store: near memory over Redis (where given) over SQLite. Resolves when the back tier is ready; a front that
 * cannot be reached does not keep the store from opening, unless writes behind lie there that somebody has left behind: see
 * `unrecovered`. With `readOnly: true`, nothing is ever written: see {@link ReadOnlyOptions}.
 *
 * @throws TypeError or RangeError for a wrong option; TidemarkError SCHEMA_TOO_NEW, NOT_A_DATABASE, FOLDER_MISSING,
 * FILE_MISSING, FILE_EXISTS (with `mode`), READ_ONLY, DISK_FULL, RUNTIME_TOO_OLD, BUSY, UNRECOVERED; CorruptError, with the
 * code that a read would give, when the file was encrypted, and `codec` cannot read it.
 */
export function open(options: ReadOnlyOptions): Promise<Tidemark>
export function open(options?: OpenOptions): Promise<Tidemark>
export async function open(options: OpenOptions | ReadOnlyOptions = {}): Promise<Tidemark> {
  const resolved = resolveOptions(options as OpenOptions)
  if (resolved.readOnly) assertReadsOnly(options)
  const parts = new Parts()
  let store: Tidemark
  try {
    store = assemble(resolved, parts)
  } catch (error) {
    // What was opened before the part that refused: a connection would keep the process alive for ever.
    await parts.close()
    throw error
  }
  const { readOnly, warmOnOpen } = resolved
  try {
    // What others have acknowledged comes before anything that is done here, whatever the policies of this store are.
    if (!readOnly) {
      await assertReadable(internalsOf(store).tiers, resolved.onError)
      await internalsOf(store).tiers.recoverWrites({ isRequired: true })
    }
    if (warmOnOpen !== undefined) await warmFirst(store, warmOnOpen)
    return store
  } catch (error) {
    await store.close()
    throw error
  }
}

function assemble(options: ResolvedOptions, parts: Parts): Tidemark {
  const {
    file,
    mode,
    readOnly,
    redis,
    near,
    relay,
    compaction,
    clock,
    codec,
    synchronous,
    busyTimeoutMs,
    sweepEveryMs,
    onError,
    log,
  } = options
  const nudge =
    redis && createRedisNudge({ url: redis.url, connection: redis.connection, namespace: redis.namespace, clock })
  parts.add(nudge)
  const back: Back =
    file === undefined
      ? createMemoryBack({ codec, clock, onError })
      : createSqliteBack({
          file,
          mode,
          readOnly,
          codec,
          clock,
          synchronous,
          busyTimeoutMs,
          onError,
          minGroup: redis && MIN_GROUP,
          pollMs: () => (nudge?.active === true ? POLL_NUDGED_MS : POLL_ALONE_MS),
        })
  parts.add(back)
  // Before anybody else listens: others read the log, where the commit is by now, and need nothing of what follows here.
  if (nudge !== undefined) {
    const { id: log, epoch } = back.log.identity
    back.onCommit((commits) => nudge.publish({ log, epoch, head: commits.at(-1)?.asOf ?? 0 }))
    nudge.onNudge((heard) => {
      if (heard.log === log) back.log.nudge()
    })
  }
  const metaTtlMs = file === undefined ? VOLATILE_META_MS : undefined
  const front =
    redis &&
    createRedisFront({ ...redis, namespace: namespaceOf(redis, back.log.identity.id), codec, clock, metaTtlMs })
  parts.add(front)
  // Beside the front, which is in everybody's way: a page of the log is not to make a read wait.
  const relaying =
    redis &&
    relay &&
    createRedisRelay({
      ...relay,
      url: redis.url,
      connection: redis.connection,
      namespace: namespaceOf(redis, back.log.identity.id),
      announceIn: redis.namespace ?? 'tidemark',
      log: back.log,
      clock,
      onError,
      onRecovered: () => log('the log is copied into Redis again'),
    })
  parts.add(relaying)
  const tiers = createTiered({
    back,
    near: near && createNearMemory({ ...near, clock }),
    fronts: front === undefined ? [] : [front],
    readOnly,
    writePolicy: options.writePolicy,
    writeBehind: {
      ...options.writeBehind,
      shared:
        redis &&
        createRedisJournal({
          url: redis.url,
          connection: redis.connection,
          namespace: namespaceOf(redis, back.log.identity.id),
          commandTimeoutMs: redis.commandTimeoutMs,
          connectTimeoutMs: redis.connectTimeoutMs,
          clock,
        }),
      presence,
    },
    readPolicy: options.readPolicy,
    nearMaxStaleMs: options.nearMaxStaleMs,
    frontMaxStaleMs: options.frontMaxStaleMs,
    ack: options.ack,
    clock,
    onError,
  })
  const compactor =
    compaction && startCompactor(tiers, { ...compaction, clock, heldBy: () => consumerPositions(tiers) })
  parts.add(compactor)
  guarded(tiers.tierEvents$, onError).subscribe(tierLog(log))
  const stopSweeping =
    sweepEveryMs === 0
      ? async (): Promise<void> => {}
      : startSweeper(tiers, { clock, everyMs: sweepEveryMs, batch: SWEEP_BATCH, onError })
  return new Tidemark(tiers, {
    clock,
    onError,
    stopSweeping,
    compactor,
    beforeClose: async () => void (await Promise.all([relaying?.close(), compactor?.close()])),
    afterClose: async () => nudge?.close(),
  })
}

/** What was opened so far, until the store owns it. */
class Parts {
  readonly #parts: { close(): Promise<void> }[] = []

  add(part: { close(): Promise<void> } | undefined): void {
    if (part !== undefined) this.#parts.push(part)
  }

  /** The last one first. Never throws: there is an error already, which says more. */
  async close(): Promise<void> {
    for (const part of this.#parts.toReversed()) await part.close().catch(() => undefined)
  }
}
