import { type FollowOptions, resolveFollowOptions } from '../changes-options.ts'
import { Stoppable } from '../stoppable.ts'
import type { SnapshotSource } from './snapshot.ts'
import type { FollowStep } from './snapshot-step.ts'
import { stream } from './stream.ts'

/**
 * First everything that is there, then every change: who applies the steps in their order to a map of its own holds at
 * each step what the store held at one position, while others write, delete and compact. No gap, no change twice, and
 * nothing that was deleted comes back.
 *
 * `snapshot` steps show entries; `catch-up` steps, what happened meanwhile to those shown before; a `ready` step says
 * that everything was shown, and has the first token; then come batches of changes. Nothing before it has a token, since
 * none could tell what was shown already: who stops there begins anew. A `restart` step voids everything before it.
 *
 * A tag that is invalidated makes shown entries absent that carry it and are older: `tags` of entries and changes say
 * which. Expiry is a change only when the expired entry is swept: look at `expiresAt`.
 *
 * Otherwise as {@link changes}: cold, pull-based, in memory no more than one page of entries and one of changes; errors
 * end it.
 * @throws TypeError, RangeError at once for wrong options. While iterating as `changes` does.
 */
export function follow<T = unknown>(back: SnapshotSource, options: FollowOptions = {}): AsyncIterable<FollowStep<T>> {
  const resolved = resolveFollowOptions(options)
  return {
    [Symbol.asyncIterator]: () =>
      new Stoppable((signal) => stream<T>({ log: back.log, back }, resolved, signal), resolved.signal),
  }
}
