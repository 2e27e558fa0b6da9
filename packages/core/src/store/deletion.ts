import type { Proposal, Write } from '../ports/back.ts'
import type { Entry } from '../ports/entry.ts'

/** The deletion of these entries, of those that are still what they were: whatever was written since stays. */
export function deletion(old: readonly Entry[]): Proposal {
  return {
    reads: old.map(({ key }) => key),
    decide: (current): readonly Write[] =>
      old.flatMap(({ key, version }, i) => (current[i]?.version === version ? [{ op: 'delete', key } as const] : [])),
  }
}
