import type { Log } from '../ports/log.ts'
import { tagOfKey, type TagEpochs } from './tags.ts'

/** Changes per page of the log. */
const PAGE = 500

/**
 * What these epochs, which were read later, were when the log ended at `asOf`: of a tag that was invalidated since, the first
 * change since says what it replaced.
 * @throws what {@link Log.read} does
 */
export async function epochsAt(log: Pick<Log, 'read'>, asOf: number, epochs: TagEpochs): Promise<TagEpochs> {
  const since = new Set([...epochs].filter(([, epoch]) => epoch > asOf).map(([tag]) => tag))
  if (since.size === 0) return epochs
  const past = new Map(epochs)
  for (let after = asOf; since.size > 0;) {
    const { changes } = await log.read({ after, limit: PAGE, values: false })
    if (changes.length === 0) break
    for (const { key, prevVersion } of changes) {
      const tag = tagOfKey(key)
      if (tag !== undefined && since.delete(tag)) past.set(tag, prevVersion)
    }
    after = changes.at(-1)!.seq
  }
  return past
}
