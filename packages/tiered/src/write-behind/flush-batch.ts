import type { Batch, Dirty } from './batch.ts'
import type { FlushTarget } from './target.ts'

/**
 * Writes a batch; where something in it is refused for good, in ever smaller parts, until that is found and set aside. What
 * was done is noted in the batch, and not done again when this is called again.
 *
 * @throws what the target fails with, where that may pass
 */
export async function flushBatch<D extends Dirty>(batch: Batch<D>, target: FlushTarget<D>): Promise<void> {
  const parts = (batch.parts ??= [[...batch.writes.values()]])
  while (parts.length > 0) {
    const writes = parts[0]!
    const onWritten = (): void => batch.drop(writes)
    const left = parts.slice(1).flat()
    const { from, to } = batch
    const part = { writes, left, from, to, onWritten, isLost: () => batch.isLost, isStale: () => batch.isStale }
    try {
      await target.write(part)
    } catch (error) {
      const verdict = target.verdict(error)
      if (verdict === 'retry') throw error
      const halves = verdict === 'split' ? batch.halves(writes) : undefined
      if (halves !== undefined) {
        parts.splice(0, 1, ...halves)
        continue
      }
      await target.bury(part, error)
      batch.failures.push({ writes, error })
    }
    onWritten()
    parts.shift()
  }
}
