import { setTimeout as sleep } from 'node:timers/promises'
import type { Tidemark } from 'tidemark'
import type { Verified } from '../figures.ts'

/** A front that does not answer on a busy machine may well do so a moment later. */
const RETRY_MS = 100

/**
 * Compares what the shared front holds with the back tier, for so long at most. Repairs nothing: what is wrong is to be
 * found, by whoever looks. Never rejects: a front that cannot be asked has broken no promise.
 */
export async function verifyFront(
  store: Pick<Tidemark, 'verify'>,
  withinMs: number,
  onProgress: (records: number) => void,
): Promise<Verified> {
  const signal = AbortSignal.timeout(withinMs)
  for (;;) {
    const verified = await attempt(store, signal, onProgress)
    // What it has found until then counts, whatever kept it from going on.
    if (verified.error === null || verified.differences > 0) return verified
    await sleep(RETRY_MS)
    if (signal.aborted) return verified
  }
}

function attempt(
  store: Pick<Tidemark, 'verify'>,
  signal: AbortSignal,
  onProgress: (records: number) => void,
): Promise<Verified> {
  return new Promise((resolve) => {
    let records = 0
    let differences = 0
    let undecided = 0
    const end = (complete: boolean, error: string | null): void => resolve({ records, differences, complete, error })
    store.verify({ repair: false, signal }).subscribe({
      next(progress) {
        ;({ done: records, differences, undecided } = progress)
        onProgress(records)
      },
      error: (error: unknown) => end(false, error instanceof Error ? error.message : String(error)),
      complete: () => end(!signal.aborted && undecided === 0, null),
    })
  })
}
