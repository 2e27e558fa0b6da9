import { createSqliteBack } from '@tidemark/sqlite'
import { WatchAudit } from '../checks/watch-audit.ts'
import { Driver } from '../driver/driver.ts'
import type { Flags } from '../flags.ts'
import type { Front } from '../front/find-front.ts'
import type { KnownPlace } from '../places/data-set.ts'
import type { Report, Verified } from '../figures.ts'
import { createReport } from '../report.ts'
import type { Screen } from '../view/screen.ts'
import type { Urls } from './instances.ts'
import { Killer } from './killer.ts'
import type { DataFiles } from './prepare.ts'
import { WorkerWatch } from './worker-watch.ts'
import { startView } from './live-view.ts'
import type { WorkerStats } from '../worker/worker.ts'
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
  readonly restart: (instance: number) => Promise<string>
  /** An instance ended, or did not come back: the run has failed. */
  readonly onCrash: (message: string) => void
  /** Compares the shared front with the file. */
  verify(): Promise<Verified>
  readonly places: readonly KnownPlace[]
  /** Grows when an instance ends by itself. */
  readonly crashes: readonly string[]
}

const AUDIT_EVERY_MS = 5_000
const NOT_VERIFIED: Verified = { records: 0, differences: 0, complete: false, error: 'an instance has ended' }

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
    await copied(worker, await back.log.head(), screen, stop.signal)
    const start = await back.log.head()
    await driver.listen()
    await monitor.start()
    const startedAt = performance.now()
    const uptimeMs = (): number => performance.now() - startedAt
    const view = startView(screen, { driver, monitor, killer, worker, front, places: places.length, uptimeMs })
    const { forMs } = flags
    const timer = forMs === undefined ? undefined : setTimeout(() => stop.stop('the time is up'), forMs)
    const killing = flags.kill ? killer.run(stop.signal) : undefined
    // The last audit tells of what goes wrong in this one.
    const auditing = setInterval(() => void watches.audit().catch(() => undefined), AUDIT_EVERY_MS)
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

/** Lets the replica catch up with its source: the first time, it copies everything. */
async function copied(worker: WorkerWatch, head: number, screen: Screen, signal: AbortSignal): Promise<void> {
  const bar = screen.bar('copying')
  const onLook = ({ replica: { phase, taken } }: WorkerStats): void => {
    if (phase === 'snapshot') bar.update(taken, Math.max(head, taken))
  }
  await worker.settled(head, { signal, onLook })
  bar.end()
}
