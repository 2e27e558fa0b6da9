import type { Place, Subject } from '../runner/case.ts'
import { type Item, itemOf } from '../workload/item.ts'
import { inLanes } from '../workload/lanes.ts'
import { createPicks } from '../workload/picks.ts'
import { openTidemark } from './open-tidemark.ts'

export interface LogAppendsOptions {
  readonly lanes: number
  /** How many logs there are: each append goes to a random one. */
  readonly logs: number
}

/** Appends, each acknowledged when it is synced. */
export async function logAppends(place: Place, { lanes, logs }: LogAppendsOptions): Promise<Subject> {
  const store = await openTidemark(place)
  const all = Array.from({ length: logs }, (_, number) => store.log<Item>(['log', number]))
  const pick = createPicks(logs)
  // To begin a log takes more than to go on with it, and is done once.
  await Promise.all(all.map((log, number) => log.append(itemOf(number))))
  let appended = logs
  return {
    run: (times) =>
      inLanes(lanes, times, async () => void (await all[pick()]!.append(itemOf(appended % 100_000, ++appended)))),
    async check() {
      const lengths = await Promise.all(all.map((log) => log.length()))
      const sum = lengths.reduce((total, length) => total + length, 0)
      if (sum !== appended) throw new Error(`${sum} elements of ${appended}`)
    },
    close: () => store.close(),
  }
}

export interface ArrayAppendsOptions {
  readonly lanes: number
  readonly elements: number
}

/** What a store without logs is used for: an array in one value, which is read, and written with one element more. */
export async function arrayAppends(place: Place, { lanes, elements }: ArrayAppendsOptions): Promise<Subject> {
  const store = await openTidemark(place)
  await store.set(
    'list',
    Array.from({ length: elements }, (_, number) => itemOf(number, number - elements)),
  )
  let appended = 0
  return {
    run: (times) =>
      inLanes(lanes, times, async () => {
        const item = itemOf(appended % 100_000, appended++)
        // The oldest one goes, so that the last round does what the first one did.
        await store.update<readonly Item[]>('list', (list) => [...list!.slice(1), item])
      }),
    async check() {
      const list = (await store.get<readonly Item[]>('list', { consistency: 'linearizable' }))!
      if (list.length !== elements || list.at(-1)!.n !== appended - 1) throw new Error('the list has lost an element')
    },
    close: () => store.close(),
  }
}
