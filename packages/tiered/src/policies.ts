/**
 * Where a write goes before it is acknowledged; it is durable in the back tier in every case.
 * `write-through`: then every front holds the new value. `write-around`: then no front holds an older value.
 */
export type WritePolicy = 'write-through' | 'write-around'

/**
 * Where a read looks. `frontend-first`: in the fronts, nearest first, then in the back tier, and the fronts are filled.
 * `frontend-only`: in the fronts; what none of them holds reads as absent.
 */
export type ReadPolicy = 'frontend-first' | 'frontend-only'

export const WRITE_POLICIES: readonly WritePolicy[] = ['write-through', 'write-around']
export const READ_POLICIES: readonly ReadPolicy[] = ['frontend-first', 'frontend-only']
