import type { WriteSource } from '@tidemark/core'
import type { MergePlan, Stale } from './merge-plan.ts'

/** Deletes what is still as it was. */
export function removalPlan(
  stale: readonly Stale[],
  sourceOf: (stale: Stale) => WriteSource,
  bookkeeping: Pick<MergePlan, 'marks' | 'committed'>,
): MergePlan {
  return {
    reads: stale.map(({ key }) => key),
    notBefore: 0,
    conflicts: [],
    failures: [],
    decide: (current) =>
      stale
        .filter(({ version }, i) => current[i]?.version === version)
        .map((each) => ({ op: 'delete', key: each.key, source: sourceOf(each) })),
    ...bookkeeping,
  }
}
