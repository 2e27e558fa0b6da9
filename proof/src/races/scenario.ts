import type { Feature } from '@tidemark/bench-peers/races/race-cache'
import type { Outcome } from './outcome.ts'
import type { World } from './world.ts'

/** One row of the scoreboard. */
export interface Scenario {
  readonly row: number
  /** A few words, for the table. */
  readonly name: string
  /** What happens, in one sentence. */
  readonly what: string
  /** Where the bug was seen first. */
  readonly seenIn: string
  /** Without one of them the race does not apply. */
  readonly needs: readonly Feature[]
  /** Peers outside of the main columns that the row is about. */
  readonly also?: readonly ('keyv' | 'unstorage')[] | undefined
  /** What a reader must know to judge the results fairly. */
  readonly note?: string | undefined
  run(world: World): Promise<Outcome>
}
