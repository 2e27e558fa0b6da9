/**
 * Where a write goes before it is acknowledged. `write-through`: into the back tier, and then every front holds the new value.
 * `write-around`: into the back tier, and then no front holds an older value. `write-behind`: into a journal; what is written
 * last to a key reaches the back tier, and the fronts, soon after, together with what else was written. Only what sets keys
 * whatever is there can be written behind; everything else is written through, after what it meets.
 */
export type WritePolicy = 'write-through' | 'write-around' | 'write-behind'

/**
 * Where a read looks. `frontend-first`: in the fronts, nearest first, then in the back tier, and the fronts are filled.
 * `frontend-only`: in the fronts; what none of them holds reads as absent, and of several keys each
 * is answered by itself.
 */
export type ReadPolicy = 'frontend-first' | 'frontend-only'

export const WRITE_POLICIES: readonly WritePolicy[] = ['write-through', 'write-around', 'write-behind']
export const READ_POLICIES: readonly ReadPolicy[] = ['frontend-first', 'frontend-only']
