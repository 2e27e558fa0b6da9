import type { Fleet, Seat } from '../fleet/fleet.ts'
import type { Draw } from '../random.ts'
import type { RedisPair } from '../servers/redis-pair.ts'

/** What faults happen to. */
export interface Stage {
  readonly fleet: Fleet
  readonly pair: RedisPair
  /** Resolves after this time, or early when the run is to end: then it is time to heal. */
  readonly sleep: (ms: number) => Promise<void>
  /** Aborts when the run is to end. */
  readonly signal: AbortSignal
}

/**
 * Something that goes wrong for a while. Two lanes go on at the same time, and faults of one lane never do: those of
 * `workers` concern one worker or its connection, those of `servers` concern Redis.
 */
export interface Fault {
  readonly lane: 'workers' | 'servers'
  /**
   * Whether workers may meet a server that lacks what the front took before, or takes at the same time elsewhere. Only
   * that can make a read miss what was acknowledged as taken by every front; within the bound, it may.
   */
  readonly rollsBack: boolean
  /** Makes it, waits, and heals it. @returns what exactly was done */
  run(stage: Stage, draw: Draw): Promise<string>
}

/** Something that goes wrong for one worker. */
export function workerFault(run: (seat: Seat, stage: Stage, draw: Draw) => Promise<string>): Fault {
  return {
    lane: 'workers',
    rollsBack: false,
    async run(stage, draw) {
      const seat = draw.pick(stage.fleet.seats)
      const { session } = seat.worker
      return `${session} ${await run(seat, stage, draw)}`.trimEnd()
    },
  }
}

/** Something that happens to what Redis holds, and loses nothing else. */
export function serverFault(run: Fault['run']): Fault {
  return { lane: 'servers', rollsBack: false, run }
}

/** Workers meet a server that is behind. */
export function rollback(run: Fault['run']): Fault {
  return { lane: 'servers', rollsBack: true, run }
}
