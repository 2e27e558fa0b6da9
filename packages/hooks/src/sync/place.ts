import type { Back, Lease, LogChange } from '@tidemark/core'
import { checkOf, NO_CHECK } from '../check.ts'
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint.ts'
import type { SyncSource } from './incoming.ts'
import { CHECKPOINTS, checkpointKey } from './sync-keys.ts'
import type { ResolvedSyncOptions } from './sync-options.ts'

/** More syncs than this into one store are not looked at. */
const MAX_CHECKPOINTS = 10_000

interface PlaceOptions extends Pick<ResolvedSyncOptions, 'name' | 'scope' | 'conflict'> {
  readonly from: SyncSource
  readonly to: Pick<Back, 'log' | 'marks' | 'codec'>
  readonly lease: Lease
}

/** Where a sync of this name stands, whichever process does its work. */
export async function readCheckpoint(to: Pick<Back, 'marks'>, name: string): Promise<Checkpoint | undefined> {
  const key = checkpointKey(name)
  const [payload] = await to.marks.read([key])
  return payload && decodeCheckpoint(key, payload)
}

/**
 * A first checkpoint, stored at once: who begins to follow the target from now on has to know from where on deletions
 * are remembered there. What was deleted before that is not.
 */
export async function begin(options: PlaceOptions): Promise<Checkpoint> {
  const { to, name, lease } = options
  const place = await fresh(options, { sweepUpTo: undefined, begun: lease.token })
  await to.marks.write([{ key: checkpointKey(name), value: encodeCheckpoint(to.codec, place) }], { lease })
  return { ...place, looked: await to.log.head() }
}

/** An older release has noted none: that of the first sync which does is believed. */
export async function withScope(stored: Checkpoint, { to, name, scope, lease }: PlaceOptions): Promise<Checkpoint> {
  if (stored.scope?.policy !== undefined) return stored
  const place = { ...stored, scope }
  await to.marks.write([{ key: checkpointKey(name), value: encodeCheckpoint(to.codec, place) }], { lease })
  return place
}

/** The place that is reached with change `seq` of the source. @param rows changes that are at hand, perhaps that one */
export async function placeAt(
  from: Pick<SyncSource, 'log'>,
  place: Checkpoint,
  seq: number,
  rows: readonly LogChange[],
): Promise<Checkpoint> {
  const row = rows.find((each) => each.seq === seq) ?? (seq === 0 ? undefined : (await from.log.at([seq]))[0])
  return { ...place, seq, check: row === undefined ? NO_CHECK : checkOf(row) }
}

/** The beginning of a snapshot. */
export async function fresh(
  { from, to, conflict, scope }: Pick<PlaceOptions, 'from' | 'to' | 'conflict' | 'scope'>,
  { sweepUpTo, begun }: { readonly sweepUpTo: number | undefined; readonly begun: number | undefined },
): Promise<Checkpoint> {
  const isLastWriter = conflict.policy === 'lastWriter'
  const looked = await to.log.head()
  const seq = Math.min(await from.log.head(), isLastWriter ? await lookedUpTo(from) : Infinity)
  const [row] = seq === 0 ? [] : await from.log.at([seq])
  const { id: log, epoch } = from.log.identity
  const check = row === undefined ? NO_CHECK : checkOf(row)
  return { log, epoch, seq, check, looked, scope, begun, snapshot: { shownTo: undefined, sweepUpTo } }
}

/**
 * What was written to the target before this moment and is not written again came from what is gone. Where the source is a
 * target, too, it remembers what was deleted, and gets back what it has lost.
 */
export async function sweepFrom({
  from,
  to,
  conflict,
}: Pick<PlaceOptions, 'from' | 'to' | 'conflict'>): Promise<number | undefined> {
  if (conflict.policy === 'lastWriter' && from.marks !== undefined) {
    const found = await from.marks.scan(CHECKPOINTS, { after: undefined, limit: 1 })
    if (found.length > 0) return undefined
  }
  return to.log.head()
}

/**
 * Where a snapshot has to begin that is to tell of deletions: the source may be a target, too, and remembers those up to
 * where its log was looked through. Later ones are in the log.
 */
async function lookedUpTo({ marks, log }: SyncSource): Promise<number> {
  if (marks === undefined) return Infinity
  const floor = await log.floor()
  const found = await marks.scan(CHECKPOINTS, { after: undefined, limit: MAX_CHECKPOINTS })
  const looked = found.map(({ key, value }) => decodeCheckpoint(key, value).looked)
  return Math.max(floor, Math.min(...looked, Infinity))
}
