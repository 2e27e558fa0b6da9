import type { Driver } from '../driver/driver.ts'
import type { Front } from '../front/find-front.ts'
import { renderDashboard } from '../view/dashboard.ts'
import { renderLine } from '../view/plain.ts'
import type { Screen } from '../view/screen.ts'
import type { FollowersRow, ReaderRow, Snapshot } from '../view/snapshot.ts'
import type { Killer } from './killer.ts'
import type { Monitor } from './monitor.ts'
import type { WorkerWatch } from './worker-watch.ts'

const LOOK_EVERY_MS = 1_000
/** Where figures cannot be shown in place. */
const LINE_EVERY_MS = 5_000

/** What there is to be seen. */
export interface Scene {
  readonly driver: Driver
  readonly monitor: Monitor
  readonly killer: Killer
  readonly worker: WorkerWatch
  readonly front: Front
  readonly places: number
  readonly uptimeMs: () => number
}

/** Shows how the fleet is doing, every second, until it is ended. */
export function startView(screen: Screen, scene: Scene): { end(): Promise<void> } {
  const { monitor, worker } = scene
  let looking: Promise<void> = Promise.resolve()
  let shownAt = performance.now()
  const look = async (isLast: boolean): Promise<void> => {
    await Promise.all([monitor.look(), worker.look()])
    if (screen.isLive) screen.show(renderDashboard(snapshotOf(scene)))
    else if (!isLast && performance.now() - shownAt >= LINE_EVERY_MS - LOOK_EVERY_MS / 2) {
      shownAt = performance.now()
      screen.say(renderLine(snapshotOf(scene)))
    }
  }
  const timer = setInterval(() => {
    looking = looking.then(() => look(false))
  }, LOOK_EVERY_MS)
  return {
    async end() {
      clearInterval(timer)
      await looking
      // Once more: the final head and hit ratios come from here.
      await look(true)
      screen.endLive()
    },
  }
}

function snapshotOf({ driver, monitor, killer, worker, front, places, uptimeMs }: Scene): Snapshot {
  const { tally, reads, streams, subscribers } = driver
  return {
    front: front.description,
    places,
    uptimeMs: uptimeMs(),
    rows: monitor.rows,
    hitRatio: monitor.hitRatio(),
    reads: tally.reads,
    writes: tally.writes,
    conflicts: tally.conflicts,
    errors: tally.errors,
    kills: killer.kills,
    interrupted: tally.interrupted,
    frontHealth: front.redis && monitor.frontHealth,
    lastError: tally.lastError,
    staleReads: reads.stale,
    tornReads: reads.torn,
    outOfOrder: subscribers.reduce((sum, { check }) => sum + check.outOfOrder, 0),
    duplicates: subscribers.reduce((sum, { check }) => sum + check.duplicates, 0),
    resumes: streams.reduce((sum, { resumes }) => sum + resumes, 0),
    reader: readerRow(driver),
    followers: followersRow(monitor, worker),
    staleness: monitor.staleness(),
    lag: monitor.lag(),
  }
}

function readerRow({ reader }: Driver): ReaderRow | undefined {
  if (reader === undefined) return undefined
  const { client, stream, check } = reader
  const { reads, absent, stale, torn } = check
  return { url: client.url, isUp: client.isUp, changesSeen: stream.check.delivered, reads, absent, stale, torn }
}

/** Those who make something of the changes. */
function followersRow(monitor: Monitor, worker: WorkerWatch): FollowersRow {
  const { audit, replica } = worker.stats ?? {}
  return {
    totalsLag: monitor.totalsLag,
    isWorkerUp: worker.isUp,
    auditLines: worker.lines,
    auditLag: audit?.lag ?? 0,
    replicaLag: replica?.lag ?? 0,
  }
}
