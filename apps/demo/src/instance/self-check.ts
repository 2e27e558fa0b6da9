import type { Tidemark } from 'tidemark'
import type { Verified } from '../figures.ts'

/**
 * Compares what the shared front holds with the back tier, for so long at most. Repairs nothing: what is wrong is to be
 * found, by whoever looks. Never rejects: a front that cannot be asked has broken no promise.
 */
export function verifyFront(
  store: Pick<Tidemark, 'verify'>,
  withinMs: number,
  onProgress: (records: number) => void,
): Promise<Verified> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(withinMs)
    let records = 0
    let differences = 0
    const end = (complete: boolean, error: string | null): void => resolve({ records, differences, complete, error })
    store.verify({ repair: false, signal }).subscribe({
      next(progress) {
        ;({ done: records, differences } = progress)
        onProgress(records)
      },
      error: (error: unknown) => end(false, error instanceof Error ? error.message : String(error)),
      complete: () => end(!signal.aborted, null),
    })
  })
}
