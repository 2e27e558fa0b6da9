import { afterTurn, type Log, type LogChange, markOf, type SharedFront } from '@tidemark/core'
import { fronted } from '../fronted.ts'

/** Changes per step: each blocks the server for everybody while it runs, 500 for about 2 ms. */
const STEP = 500

export interface TailRun {
  readonly log: Log
  readonly front: SharedFront
  readonly tailer: string
  readonly signal: AbortSignal
}

/**
 * Replays the log into the front, from where its own watermark stands to `head`. Other processes may do the same: each
 * step is taken by whoever comes first, and everybody goes on from what the front answers.
 *
 * @returns the watermark afterwards; undefined: it is gone
 * @throws CompactedError when the log does not reach back to the watermark
 */
export async function tailTo(head: number, watermark: number, run: TailRun): Promise<number | undefined> {
  const { log, front, signal } = run
  const { session } = front
  let at: number | undefined = watermark
  while (at !== undefined && at < head && !signal.aborted && front.session === session) {
    const { changes } = await log.read({ after: at, limit: STEP, values: false })
    at = await replay(changes, at, run)
    // An embedded log answers without leaving the turn: much to catch up with would let nothing else run.
    if (at !== undefined && at < head) await new Promise<void>(afterTurn)
  }
  return at
}

async function replay(changes: readonly LogChange[], from: number, run: TailRun): Promise<number | undefined> {
  const { front, tailer } = run
  const { session } = front
  let at = from
  // A page ends with a commit, which may be long.
  for (let i = 0; i < changes.length; i += STEP) {
    if (front.session !== session) return at
    const step = changes.slice(i, i + STEP)
    const last = step.at(-1)!
    const reached = await front.tail({ from: at, to: last.seq, changes: fronted(step), mark: markOf(last), tailer })
    if (reached !== last.seq) return reached
    at = reached
  }
  return at
}
