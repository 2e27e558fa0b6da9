import type { Back, Clock, Lease, Mark, MarkWrite, StoreKey } from '@tidemark/core'
import { decodeStampMark } from './stamp-marks.ts'
import { keyOfStamp, STAMPS } from './sync-keys.ts'

/** How often a page is looked at: a million marks take a day and a half, each page a millisecond or two. */
const EVERY_MS = 60_000
const PAGE = 500

interface PruningOptions {
  readonly to: Pick<Back, 'read' | 'marks'>
  readonly lease: Lease
  readonly clock: Clock
  readonly keepDeletionsMs: number
}

/**
 * Removes the stamps of what a store does not hold any more, once they are older than `keepDeletionsMs`: of keys that were
 * deleted, have expired, or were written again by the store itself. Such a stamp refuses earlier changes of other stores,
 * and nothing else. So it is not missed as long as every change arrives within that time. The stamps of entries that came
 * by a sync stay: they are no more than those.
 *
 * @returns ends it; resolves when nothing is under way any more
 */
export function pruneStamps(options: PruningOptions): () => Promise<void> {
  const { clock } = options
  let isStopped = false
  let after: StoreKey | undefined
  let work: Promise<void> = Promise.resolve()
  let cancel = schedule()
  function schedule(): () => void {
    return clock.schedule(EVERY_MS, () => void (work = step()))
  }
  async function step(): Promise<void> {
    try {
      after = await prunePage(options, after)
    } catch {
      // What is wrong is met, and told, by the next commit.
    }
    if (!isStopped) cancel = schedule()
  }
  return () => {
    isStopped = true
    cancel()
    return work
  }
}

/** @returns behind what the next page begins; undefined: at the start again */
async function prunePage(
  { to, lease, clock, keepDeletionsMs }: PruningOptions,
  after: StoreKey | undefined,
): Promise<StoreKey | undefined> {
  const page = await to.marks.scan(STAMPS, { after, limit: PAGE })
  const before = clock.now() - keepDeletionsMs
  const old = page.filter(({ value }) => decodeStampMark(value).stamp.at < before)
  // After the marks: an entry of another version than its mark has been written after that, and never gets that version back.
  const found = await to.read(
    old.map(({ key }) => keyOfStamp(key)),
    { consistency: 'linearizable' },
  )
  const gone = old.filter(({ value }, i) => found[i]!.entry?.version !== decodeStampMark(value).version)
  if (gone.length > 0) await to.marks.write(gone.map(removal), { lease })
  return page.length < PAGE ? undefined : page.at(-1)!.key
}

/** Unless somebody has remembered something else of the key meanwhile. */
function removal({ key, value }: Mark): MarkWrite {
  return { key, value: undefined, expected: value }
}
