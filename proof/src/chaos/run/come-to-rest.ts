import { setTimeout as delay } from 'node:timers/promises'
import { createSqliteBack } from '@tidemark/sqlite'
import type { Findings } from '../check/findings.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { readPosition } from '../rest/read-front.ts'
import { within } from './deadline.ts'

/** Far longer than any call may take, a wait for SQLite's lock included. */
const DRAIN_WITHIN_MS = 15_000
const CATCH_UP_WITHIN_MS = 10_000
const LOOK_EVERY_MS = 25

/** After the last fault: the workers finish, the front catches up with the log, and every worker reads every key once more. */
export async function comeToRest(fleet: Fleet, file: string, port: number, findings: Findings): Promise<void> {
  await each(fleet, findings, 'the last calls', (worker) => worker.drain())
  await catchUp(file, port)
  await each(fleet, findings, 'the last reads', (worker) => worker.readLast())
}

type Worker = Fleet['seats'][number]['worker']

async function each(
  fleet: Fleet,
  findings: Findings,
  what: string,
  ask: (worker: Worker) => Promise<void>,
): Promise<void> {
  const asked = fleet.seats.map(({ worker }) => within(DRAIN_WITHIN_MS, `${what} of ${worker.session}`, ask(worker)))
  for (const outcome of await Promise.allSettled(asked)) {
    if (outcome.status === 'rejected') findings.add('failedCalls', () => (outcome.reason as Error).message)
  }
}

/** Waits for the watermark of the front; whether it got there is for the comparison to say. */
async function catchUp(file: string, port: number): Promise<void> {
  const back = createSqliteBack({ file, readOnly: true })
  try {
    const head = await back.log.head()
    const deadline = performance.now() + CATCH_UP_WITHIN_MS
    while (performance.now() < deadline) {
      const { epoch, watermark } = await readPosition(port)
      if (epoch !== undefined && watermark !== undefined && watermark >= head) return
      await delay(LOOK_EVERY_MS)
    }
  } finally {
    await back.close()
  }
}
