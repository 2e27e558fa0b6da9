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
  /** Makes it, waits, and heals it. @returns what exactly was done */
  run(stage: Stage, draw: Draw): Promise<string>
}

/** Something that goes wrong for one worker. */
export function workerFault(run: (seat: Seat, stage: Stage, draw: Draw) => Promise<string>): Fault {
  return {
    lane: 'workers',
    async run(stage, draw) {
      const seat = draw.pick(stage.fleet.seats)
      const { session } = seat.worker
      return `${session} ${await run(seat, stage, draw)}`.trimEnd()
    },
  }
}

export function serverFault(run: (stage: Stage, draw: Draw) => Promise<string>): Fault {
  return { lane: 'servers', run }
}
