import type { Batch, Dirty } from './batch.ts'
import type { FlushTarget } from './target.ts'

/** Where a lane of a buffer flushes to. */
export type Destination<D extends Dirty> = Omit<FlushTarget<D>, 'append'>

/**
 * Writes a batch; where something in it is refused for good, in ever smaller parts, until that is found and set aside. What
 * was done is noted in the batch, and not done again when this is called again.
 *
 * @throws what the destination fails with, where that may pass
 */
export async function flushBatch<D extends Dirty>(batch: Batch<D>, destination: Destination<D>): Promise<void> {
  const parts = (batch.parts ??= [[...batch.writes.values()]])
  while (parts.length > 0) {
    const writes = parts[0]!
    const onWritten = (): void => batch.drop(writes)
    const left = parts.slice(1).flat()
    const { from, to } = batch
    const isLost = (): boolean => batch.isLost
    const areTogether = (one: Dirty, other: Dirty): boolean => batch.areTogether(one, other)
    const part = { writes, left, from, to, onWritten, isLost, areTogether }
    try {
      await destination.write(part)
    } catch (error) {
      if (destination.verdict(error) === 'retry') throw error
      const halves = batch.halves(writes)
      if (halves !== undefined) {
        parts.splice(0, 1, ...halves)
        continue
      }
      await destination.bury(part, error)
      // Otherwise whoever has taken the journal over finds out, and sets it aside.
      if (!batch.isLost) batch.failures.push({ writes, error })
    }
    onWritten()
    parts.shift()
  }
}
