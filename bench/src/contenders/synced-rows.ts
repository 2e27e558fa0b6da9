import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { getHeapSpaceStatistics } from 'node:v8'
import { sync, type Tidemark } from 'tidemark'
import type { Place, Subject } from '../runner/case.ts'
import { itemOf } from '../workload/item.ts'
import { Companion } from './companion.ts'
import type { FillerSetup, FillOrder } from './filler-process.ts'
import { openTidemark } from './open-tidemark.ts'
import { TargetFolders } from './target-folders.ts'

const PROGRAM = new URL('filler-process.ts', import.meta.url)
const MB = 1_000_000
const SAMPLES = 100

export interface SyncedRowsOptions {
  readonly rows: number
  /** Whether both stores have near memory, which keeps what they write, as it does by default. */
  readonly near: boolean
}

/** A store that is copied into an empty one, each with its file; a round ends when the target has caught up. */
export async function syncedRows(place: Place, { rows, near }: SyncedRowsOptions): Promise<Subject> {
  const folder = join(place.folder, 'source')
  mkdirSync(folder)
  const filler = new Companion<FillOrder, void>(PROGRAM, { folder } satisfies FillerSetup)
  await filler.ask({ rows })
  await filler.close()
  const atStart = process.memoryUsage.rss()
  const open = (folder: string): Promise<Tidemark> => openTidemark({ ...place, folder }, near ? {} : { near })
  const source = await open(folder)
  const targets = new TargetFolders(place.folder)
  let target: Tidemark | undefined
  return {
    async prepare() {
      await target?.close()
      target = await open(targets.next())
    },
    async run(times) {
      if (times !== rows) throw new Error(`the source has ${rows} rows, not ${times}`)
      const running = sync(source, target!, { name: 'bench' })
      await running.caughtUp()
      await running.close()
    },
    async notes() {
      const { count, wrong } = await compared(target!, rows)
      if (count !== rows || wrong > 0) throw new Error(`the target has ${count} rows, of which ${wrong} are wrong`)
      return {
        // The kernel's own high-water mark, in KiB.
        'peak RSS': Math.round((process.resourceUsage().maxRSS * 1024) / MB),
        'RSS at start': Math.round(atStart / MB),
        'young generation': Math.round(youngGeneration() / MB),
      }
    },
    async close() {
      await target?.close()
      await source.close()
    },
  }
}

/** What V8 has grown it to, in bytes: it takes what the machine has, and gives it back late. */
function youngGeneration(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 0
}

async function compared(target: Tidemark, rows: number): Promise<{ count: number; wrong: number }> {
  let count = 0
  for await (const _ of target.keys({ prefix: ['item'] })) count++
  let wrong = 0
  for (let number = 0; number < rows; number += Math.ceil(rows / SAMPLES)) {
    if (!isDeepStrictEqual(await target.get(['item', number]), itemOf(number))) wrong++
  }
  return { count, wrong }
}
