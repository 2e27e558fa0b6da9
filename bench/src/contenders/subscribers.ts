import { join } from 'node:path'
import { createCborCodec, type Log } from '@tidemark/core'
import { type ChangeBatch, changes } from '@tidemark/hooks'
import { createSqliteBack } from '@tidemark/sqlite'
import type { Place, Subject } from '../runner/case.ts'
import type { Item } from '../workload/item.ts'
import { Companion } from './companion.ts'
import type { WriteOrder, WriterSetup, WriteTimes } from './latency/writer.ts'
import { openTidemark } from './open-tidemark.ts'

const PROGRAM = new URL('latency/writer-process.ts', import.meta.url)
const MICROS_PER_MS = 1_000
const WARM_UP = 2_000

export interface SubscribersOptions {
  readonly subscribers: number
  /** `store`: of one store, as its users have it. `log`: each reads the log for itself, with the same function. */
  readonly of: 'store' | 'log'
  readonly perSecond: number
}

type Changes = (signal: AbortSignal) => ReturnType<typeof changes<Item>>

/**
 * Subscribers of one process, which follow what another one writes, and read every value. What counts is the time of the
 * processor that this process takes, whoever of its threads.
 */
export async function subscribersOf(
  place: Place,
  { subscribers, of, perSecond }: SubscribersOptions,
): Promise<Subject> {
  const setup: WriterSetup = { kind: 'tidemark', folder: place.folder }
  const companion = new Companion<WriteOrder, WriteTimes>(PROGRAM, setup)
  // The writer makes the file.
  await companion.ask({ first: 0, times: 1, perSecond })
  const { follow, close } = of === 'store' ? await storeOf(place) : logOf(place)
  const controller = new AbortController()
  let seen = 0
  let wanted = Infinity
  let all: () => void = () => {}
  const take = async (batches: AsyncIterator<ChangeBatch<Item>>): Promise<void> => {
    for (;;) {
      const { done, value: batch } = await batches.next()
      if (done) return
      for (const change of batch.changes) if (change.op === 'set' && change.value.n > 0) seen++
      if (seen >= wanted) all()
    }
  }
  const iterators = Array.from({ length: subscribers }, () => follow(controller.signal)[Symbol.asyncIterator]())
  // The first step says where a stream starts.
  await Promise.all(iterators.map((batches) => batches.next()))
  const following = iterators.map(take)
  let next = 1
  const round = async (times: number): Promise<number> => {
    seen = 0
    wanted = times * subscribers
    const told = new Promise<void>((resolve) => (all = resolve))
    const before = process.cpuUsage()
    await companion.ask({ first: next, times, perSecond })
    next += times
    await Promise.race([told, ...following])
    const { user, system } = process.cpuUsage(before)
    if (seen !== wanted) throw new Error(`${seen} of ${wanted} changes were seen`)
    return (user + system) / MICROS_PER_MS
  }
  await round(place.quick ? 100 : WARM_UP)
  return {
    run: round,
    async close() {
      controller.abort()
      await Promise.all(following)
      await close()
      await companion.close()
    },
  }
}

async function storeOf(place: Place): Promise<{ follow: Changes; close: () => Promise<void> }> {
  const store = await openTidemark(place, { near: false })
  return { follow: (signal) => store.changes<Item>({ bookmarks: true, signal }), close: () => store.close() }
}

function logOf({ folder }: Place): { follow: Changes; close: () => Promise<void> } {
  const back = createSqliteBack({ file: join(folder, 'store.db'), codec: createCborCodec() })
  const log: Log = back.log
  return { follow: (signal) => changes<Item>(log, { bookmarks: true, signal }), close: () => back.close() }
}
