import {
  assertKnown,
  type Back,
  type Clock,
  clockOption,
  type Commit,
  CompactedError,
  ConflictError,
  type Entry,
  epochsOfEntries,
  isExpired,
  type Lease,
  type Log,
  type LogChange,
  partOf,
  seenWith,
  tagKey,
  tagOfKey,
  tagsOf,
  TidemarkError,
  typeOf,
  wholeAtLeast,
  type Write,
} from '@tidemark/core'

/** How long it may take to look whether a deleted key is still as that left it. */
const LEASE_MS = 10_000

/** How often that may be disturbed by others. */
const ATTEMPTS = 5

export interface UndoOptions {
  /** @default the clock of the machine */
  readonly clock?: Clock | undefined
}

export interface UndoResult {
  /** Of the key from here on. */
  readonly version: number
  /** false: what was before has expired or was invalidated since, and there is nothing there already. */
  readonly changed: boolean
}

export type UndoSource = Pick<Back, 'log' | 'commit' | 'leases'>

/**
 * Sets a key back to what it was before one change of the log, as a new write: the value, its meta, tags and expiry; or
 * deletes what did not exist. Only if nothing has happened to the key since. What has expired in the meantime, or lost a
 * tag, stays absent.
 *
 * @throws ConflictError when the key was changed since; CompactedError when the log no longer holds the change, or what it
 * replaced; TidemarkError BUSY, retryable, while somebody loads the deleted key; TypeError for the invalidation of a tag, for
 * an append, and where a log or a blob was replaced;
 * RangeError for a change that does not exist. Nothing was written then. Else as `commit` does.
 */
export async function undo(back: UndoSource, seq: number, options: UndoOptions = {}): Promise<UndoResult> {
  assertKnown(options, ['clock'], 'undo')
  const clock = clockOption(options.clock)
  const change = await changeAt(back.log, wholeAtLeast('the change to undo', seq, 1))
  if (tagOfKey(change.key) !== undefined) {
    throw new TypeError(
      `change ${seq} invalidates a tag, which cannot be undone: what was computed before stays invalid`,
    )
  }
  if (partOf(change.key) !== undefined) {
    throw new TypeError(`change ${seq} is of a log or a blob, of which no part can be undone`)
  }
  const replaced = change.prevVersion === 0 ? undefined : entryOf(await changeAt(back.log, change.prevVersion))
  if (replaced !== undefined && typeOf(replaced) !== 'value') {
    throw new TypeError(
      `change ${seq} replaced a ${typeOf(replaced)}, which cannot be brought back: its parts are removed`,
    )
  }
  const commit = (lease?: Lease): Promise<Commit> => commitUndo(back, change, replaced, clock, lease)
  const { changes, asOf } = await (change.op === 'set' ? commit() : whileUntouched(back, change, commit))
  return { version: changes.at(-1)?.seq ?? asOf, changed: changes.length > 0 }
}

function commitUndo(
  back: UndoSource,
  { seq, op, key }: LogChange,
  replaced: Entry | undefined,
  clock: Clock,
  lease: Lease | undefined,
): Promise<Commit> {
  const tags = replaced === undefined ? [] : tagsOf(replaced)
  return back.commit({
    reads: [key, ...tags.map(tagKey)],
    lease,
    decide([current, ...tagEntries]): readonly Write[] {
      const version = current?.version ?? 0
      if (version !== (op === 'set' ? seq : 0)) throw new ConflictError(key.id, seq, version)
      const now = clock.now()
      const seen = seenWith(replaced, epochsOfEntries(tags, tagEntries), now)
      if (seen === undefined || isExpired(seen, now)) return [{ op: 'delete', key }]
      const { payload, expiresAt, meta } = seen
      return [{ op: 'set', key, payload, expiresAt, meta, path: undefined }]
    },
  })
}

/**
 * A key that does not exist has no version that would tell whether it was written and deleted again meanwhile. A lease
 * does: every write of the key ends it.
 */
async function whileUntouched(
  back: UndoSource,
  { seq, key }: LogChange,
  commit: (lease: Lease) => Promise<Commit>,
): Promise<Commit> {
  for (let attempt = 1; ; attempt++) {
    const { lease } = await back.leases.acquire(key, LEASE_MS)
    if (lease === undefined) throw busy(key.id)
    try {
      const [newest] = (await back.log.changesOf(key, { limit: 1 })).changes
      if (newest?.seq !== seq) throw new ConflictError(key.id, seq, newest?.op === 'set' ? newest.seq : 0)
      return await commit(lease)
    } catch (error) {
      if (!(error instanceof TidemarkError && error.code === 'LEASE_LOST') || attempt === ATTEMPTS) {
        await back.leases.release(lease)
        throw error
      }
    }
  }
}

async function changeAt(log: Log, seq: number): Promise<LogChange> {
  const [change] = await log.at([seq])
  if (change !== undefined) return change
  const head = await log.head()
  if (seq > head) throw new RangeError(`there is no change ${seq}: the log ends at ${head}`)
  throw new CompactedError(seq - 1, await log.floor(), head)
}

function entryOf({ key, seq, payload, at, expiresAt, meta }: LogChange): Entry {
  return { key, version: seq, payload: payload!, writtenAt: at, expiresAt, meta }
}

function busy(key: string): TidemarkError {
  return new TidemarkError('BUSY', `${key} is being loaded; undo its deletion when that is done`, {
    retryable: true,
    key,
  })
}
