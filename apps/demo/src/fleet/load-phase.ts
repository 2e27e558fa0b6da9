import { createSqliteBack } from '@tidemark/sqlite'
import { WatchAudit } from '../checks/watch-audit.ts'
import { Driver } from '../driver/driver.ts'
import type { Flags } from '../flags.ts'
import type { Front } from '../front/find-front.ts'
import type { KnownPlace } from '../places/data-set.ts'
import type { Report, Verified } from '../figures.ts'
import { createReport } from '../report.ts'
import { renderDashboard } from '../view/dashboard.ts'
import { renderLine } from '../view/plain.ts'
import type { Screen } from '../view/screen.ts'
import type { ReaderRow, Snapshot } from '../view/snapshot.ts'
import type { Urls } from './instances.ts'
import { Killer } from './killer.ts'
import type { DataFiles } from './prepare.ts'
import { WorkerWatch } from './worker-watch.ts'
import { Monitor } from './monitor.ts'
import { readerIsThere, totalsSettled } from './settled.ts'
import { checkSides, NO_SIDE_CHECKS } from './side-checks.ts'
import type { StopSignal } from './stop-signal.ts'

export interface LoadPhase {
  readonly flags: Flags
  readonly screen: Screen
  readonly stop: StopSignal
  readonly front: Front
  readonly files: DataFiles
  readonly urls: Urls
  /** Kills an instance (-9) and starts it anew; resolves with where it serves then. */
  restart(instance: number): Promise<string>
  /** An instance ended, or did not come back: the run has failed. */
  onCrash(message: string): void
  /** Compares the shared front with the file. */
  verify(): Promise<Verified>
  readonly places: readonly KnownPlace[]
  /** Grows when an instance ends by itself. */
  readonly crashes: readonly string[]
}

const LOOK_EVERY_MS = 1_000
const AUDIT_EVERY_MS = 5_000
const NOT_VERIFIED: Verified = { records: 0, differences: 0, complete: false, error: 'an instance has ended' }
/** Where figures cannot be shown in place. */
const LINE_EVERY_MS = 5_000

/** Drives the fleet until it is time to stop, shows how it goes, and says how it went. */
export async function runLoad(phase: LoadPhase): Promise<Report> {
  const { flags, screen, stop, front, files, urls, places, crashes } = phase
  const driver = new Driver({ ...flags, urls: urls.instances, readerUrl: urls.reader, places })
  const back = createSqliteBack({ file: files.file, readOnly: true })
  const watches = new WatchAudit(
    back.log,
    driver.subscribers.map(({ record }) => record),
  )
  const monitor = new Monitor(driver)
  const { restart, onCrash } = phase
  const worker = new WorkerWatch(urls.worker)
  const [first, ...others] = driver.clients
  const readers = driver.reader === undefined ? [] : [driver.reader.client]
  const killer = new Killer({ victims: [first!, worker, ...others, ...readers], restart, onFailure: onCrash })
  try {
    if (urls.reader !== undefined) await readerIsThere(urls.reader, await back.log.head(), stop.signal)
    await worker.settled(await back.log.head(), stop.signal)
    const start = await back.log.head()
    await driver.listen()
    await monitor.start()
    const startedAt = performance.now()
    const uptimeMs = (): number => performance.now() - startedAt
    const view = startView(
      screen,
      () => snapshotOf({ driver, monitor, killer, front, places: places.length, uptimeMs: uptimeMs() }),
      monitor,
    )
    const { forMs } = flags
    const timer = forMs === undefined ? undefined : setTimeout(() => stop.stop('the time is up'), forMs)
    const killing = flags.kill ? killer.run(stop.signal) : undefined
    // The last audit tells of what goes wrong in this one.
    const auditing = setInterval(() => watches.audit().catch(() => undefined), AUDIT_EVERY_MS)
    await driver.run(stop.signal)
    clearTimeout(timer)
    clearInterval(auditing)
    const durationMs = uptimeMs()
    await killing
    await view.end()
    if (crashes.length === 0) await totalsSettled(() => monitor.stats())
    if (crashes.length === 0) {
      await driver.drain(monitor.head)
      await worker.settled(monitor.head)
    }
    await watches.audit(crashes.length === 0 ? monitor.head : undefined)
    const verified = crashes.length === 0 ? await phase.verify() : NOT_VERIFIED
    return createReport({
      front: front.kind,
      places: places.length,
      durationMs,
      edits: flags.edits,
      head: monitor.head,
      driver,
      monitor,
      watches,
      sides: crashes.length === 0 ? await checkSides(files, back.log, start, monitor.head) : NO_SIDE_CHECKS,
      verified,
      kills: killer.kills,
      crashes,
    })
  } finally {
    await driver.close()
    await back.close()
  }
}

function startView(screen: Screen, snapshot: () => Snapshot, monitor: Monitor): { end(): Promise<void> } {
  let looking: Promise<void> = Promise.resolve()
  let shownAt = performance.now()
  const look = async (isLast: boolean): Promise<void> => {
    await monitor.look()
    if (screen.isLive) screen.show(renderDashboard(snapshot()))
    else if (!isLast && performance.now() - shownAt >= LINE_EVERY_MS - LOOK_EVERY_MS / 2) {
      shownAt = performance.now()
      screen.say(renderLine(snapshot()))
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

interface Scene {
  readonly driver: Driver
  readonly monitor: Monitor
  readonly killer: Killer
  readonly front: Front
  readonly places: number
  readonly uptimeMs: number
}

function snapshotOf({ driver, monitor, killer, front, places, uptimeMs }: Scene): Snapshot {
  const { tally, reads, streams, subscribers } = driver
  return {
    front: front.description,
    places,
    uptimeMs,
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
