import type { Flags } from '../flags.ts'
import { findFront, type Front } from '../front/find-front.ts'
import { readDataSet } from '../places/data-set.ts'
import type { Report } from '../figures.ts'
import type { Screen } from '../view/screen.ts'
import { lockDataDir } from './data-lock.ts'
import { Instances, type Urls } from './instances.ts'
import { runLoad } from './load-phase.ts'
import { countPlaces } from './totals.ts'
import { clearAudit, dataFiles, loadData, warmFront } from './prepare.ts'
import type { StopSignal } from './stop-signal.ts'
import { Teardown } from './teardown.ts'

/** What must not outlive us, for the case that there is no time to stop it in order. */
export interface Victims {
  instances: Instances | undefined
  front: Front | undefined
}

/**
 * The whole run: front, data, instances, load, report; and at the end, whatever happened, everything is stopped.
 * @returns undefined when it was stopped before there was anything to report
 */
export async function runFleet(
  flags: Flags,
  screen: Screen,
  stop: StopSignal,
  victims: Victims,
): Promise<Report | undefined> {
  const teardown = new Teardown()
  try {
    teardown.add(await lockDataDir(flags.dataDir))
    const front = (victims.front = await findFront(flags.useRedis))
    teardown.add(() => front.stop())
    screen.say(`front  ${front.description}`)

    const files = dataFiles(flags.dataDir)
    const { file } = files
    const places = await readDataSet(flags.places)
    await loadData(file, places, screen, stop.signal)
    if (stop.signal.aborted) return undefined
    await countPlaces(file, screen, stop.signal)
    if (stop.signal.aborted) return undefined
    await warmFront(file, front, screen, stop.signal)
    if (stop.signal.aborted) return undefined

    await clearAudit(files)
    const crashes: string[] = []
    const onCrash = (message: string): void => {
      crashes.push(message)
      stop.stop(message)
    }
    const instances = (victims.instances = new Instances({
      ...flags,
      files,
      front,
      screen,
      onCrash,
    }))
    teardown.add(() => instances.stop())
    const urls = await startedOrStopped(instances, screen, stop.signal)
    if (urls === undefined) return undefined
    return await runLoad({
      flags,
      screen,
      stop,
      front,
      files,
      urls,
      places,
      crashes,
      onCrash,
      restart: (instance) => instances.restart(instance),
      verify: () => instances.verify(screen, places.length),
    }).catch((error: unknown) => {
      // What an instance took down with it is no news beside its own end.
      throw crashes.length > 0 ? new Error(crashes.join('; ')) : error
    })
  } finally {
    await teardown.run()
  }
}

async function startedOrStopped(instances: Instances, screen: Screen, signal: AbortSignal): Promise<Urls | undefined> {
  const stopped = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined)
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
  return Promise.race([instances.ready(screen), stopped])
}
