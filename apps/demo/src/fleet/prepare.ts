import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { open, type Tidemark } from 'tidemark'
import type { Front } from '../front/find-front.ts'
import { warmUp } from '../instance/warm-up.ts'
import type { KnownPlace } from '../places/data-set.ts'
import { loadPlaces } from '../places/load.ts'
import { count } from '../view/format.ts'
import type { Screen } from '../view/screen.ts'
import { AUDIT } from '../worker/worker.ts'

/** A new front is agreed on, started, and proven up to date: a few hundred milliseconds. */
const SERVES_WITHIN_MS = 5_000

/** What a fleet keeps in its data folder. */
export interface DataFiles {
  /** With the values and the log. */
  readonly file: string
  /** Lines of JSON: the changes of one run. */
  readonly auditFile: string
  /** The store that follows. */
  readonly replicaFile: string
}

export function dataFiles(dataDir: string): DataFiles {
  return {
    file: join(dataDir, 'fleet.db'),
    auditFile: join(dataDir, 'audit.jsonl'),
    replicaFile: join(dataDir, 'replica.db'),
  }
}

/** Every run has an audit of its own: the one before is forgotten. */
export async function clearAudit({ file, auditFile }: DataFiles): Promise<void> {
  const store = await open({ file, near: false, sweepEveryMs: 0, log: false })
  try {
    await store.dropConsumer(AUDIT)
  } finally {
    await store.close()
  }
  await rm(auditFile, { force: true })
}

/** Sees to it that the places are in the store. What an interrupted load has left is completed. */
export async function loadData(
  file: string,
  places: readonly KnownPlace[],
  screen: Screen,
  signal: AbortSignal,
): Promise<void> {
  // Without fronts: what is loaded first and warmed then goes there only once.
  const store = await open({ file, near: false, sweepEveryMs: 0 })
  const bar = screen.bar('loading')
  const startedAt = performance.now()
  try {
    let before: number | undefined
    const onProgress = (done: number): void => {
      before ??= done
      if (before < places.length) bar.update(done, places.length)
    }
    const loaded = await loadPlaces(store, places, { signal, onProgress })
    bar.end()
    if (signal.aborted && loaded + (before ?? 0) < places.length)
      screen.say('stopped while loading; the next start goes on from here')
    else if (loaded === 0) screen.say(`data   ${count(places.length)} places, loaded before, in ${file}`)
    else
      screen.say(`data   ${count(places.length)} places in ${file} (${count(loaded)} loaded in ${seconds(startedAt)})`)
  } finally {
    bar.end()
    await store.close()
  }
}

/** Copies the places into the shared front, if there is one. */
export async function warmFront(file: string, front: Front, screen: Screen, signal: AbortSignal): Promise<void> {
  if (front.redis === undefined) return
  const store = await open({ file, redis: front.redis, near: false, sweepEveryMs: 0, log: false })
  const serving = servesSoon(store)
  const bar = screen.bar('warming')
  const startedAt = performance.now()
  try {
    // Before that, it would take nothing.
    if (!(await serving)) return screen.say('warm   Redis does not serve yet; it fills as places are read')
    const last = await warmUp(store, { signal }, ({ done, total }) => bar.update(done, total))
    bar.end()
    if (last === undefined) return
    const filled = Object.values(last.filled).reduce((sum, entries) => sum + entries, 0)
    screen.say(`warm   ${count(filled)} places in Redis in ${seconds(startedAt)}`)
  } finally {
    bar.end()
    await store.close()
  }
}

/** Whether the shared front serves within some seconds. To be asked before it can. */
function servesSoon(store: Pick<Tidemark, 'tierEvents$'>): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (isServing: boolean): void => {
      clearTimeout(timer)
      subscription.unsubscribe()
      resolve(isServing)
    }
    const timer = setTimeout(() => end(false), SERVES_WITHIN_MS)
    const subscription = store.tierEvents$.subscribe({
      next: ({ type }) => type === 'front-serving' && end(true),
      // The store was closed.
      complete: () => end(false),
    })
  })
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`
}
