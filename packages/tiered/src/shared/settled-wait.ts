import { type FrontAgreement, type FrontAgreements, TidemarkError } from '@tidemark/core'

/**
 * Lets writers wait for no longer than certificates live, after a bound has shrunk.
 *
 * No certificate lives longer than `waitMs`, whichever term it was sampled in. Who has known a term for longer than that,
 * by his own clock, knows that every sample of an earlier one was taken longer ago, and that no certificate of it is left;
 * those of the term itself live for `maxStaleMs`. Whatever is agreed on meanwhile is another term, and the change fails.
 *
 * @param ageMs how long this process has known the term of the agreement
 */
export async function settleWait(
  front: string,
  { term, maxStaleMs, waitMs }: FrontAgreement,
  ageMs: number,
  agreements: FrontAgreements,
): Promise<void> {
  if (waitMs <= maxStaleMs || ageMs <= waitMs) return
  try {
    await agreements.change(front, term, { waitMs: maxStaleMs })
  } catch (error) {
    // It is for those who write.
    if (!(error instanceof TidemarkError && error.code === 'READ_ONLY')) throw error
  }
}
