import {
  type Back,
  CompactedError,
  type Key,
  type Log,
  readValue,
  type StoreKey,
  TidemarkError,
  typeOf,
  userKey,
  wholeAtLeast,
  wrongType,
} from '@tidemark/core'
import { kindOf } from '../change-kind.ts'
import { toChange } from '../logged-change.ts'

/** So many changes are looked for at a time. */
const PAGE = 100

/**
 * The value that a key had right after change `version` of the log; undefined when it was absent. Any position of the log
 * will do, not only one at which the key was written. Shared between readers and frozen, as `get` gives it. What has
 * expired since, or lost a tag, is given all the same: it was there.
 *
 * @throws CompactedError when the log no longer tells; TidemarkError LOG_AHEAD for a position past its head;
 * or WRONG_TYPE where it was a log or a blob; CorruptError; RangeError for what is no position
 */
export async function valueAt<T = unknown>(
  log: Log,
  back: Pick<Back, 'readOne'>,
  key: Key,
  version: number,
): Promise<T | undefined> {
  wholeAtLeast('the version', version, 0)
  const storeKey = userKey(key)
  const { entry, asOf } = await back.readOne(storeKey, { consistency: 'linearizable' })
  // Whatever the log still holds: it begins there.
  if (version === 0) return undefined
  if (version > asOf) throw new TidemarkError('LOG_AHEAD', `the log ends at ${asOf}: there is no ${version} yet`)
  if (entry !== undefined && entry.version <= version && kindOf({ ...entry, op: 'set' }) === 'set') {
    return readValue(entry) as T
  }
  const { changes, end } = await log.changesOf(storeKey, { before: version + 1, limit: 1 })
  const [row] = changes
  if (row?.op === 'set' && typeOf(row) !== 'value') throw wrongType(storeKey, typeOf(row), 'value')
  if (row !== undefined) return toChange<T>(row, row).value
  if (end === 'start' || (await wasAbsentAt(log, storeKey, version))) return undefined
  throw new CompactedError(Math.max(0, version - 1), await log.floor(), await log.head())
}

/**
 * Whether the log, which holds no write of the key up to `version` any more, tells that it was absent then. The first
 * write after it says what it replaced; before the floor, the key may have come and gone.
 */
async function wasAbsentAt(log: Log, key: StoreKey, version: number): Promise<boolean> {
  let before: number | undefined
  let replaced = 0
  for (;;) {
    const { changes, end } = await log.changesOf(key, { before, limit: PAGE })
    for (const change of changes) if (change.seq > version) replaced = change.prevVersion
    before = changes.at(-1)?.seq
    if (end !== 'limit' || before! <= version) break
  }
  return replaced === 0 && version >= (await log.floor())
}
