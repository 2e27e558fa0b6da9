import { join } from 'node:path'
import { createCborCodec, Payload, type SetWrite, StoreKey } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import type { Subject } from '../runner/case.ts'
import { itemOf, stringKeys } from '../workload/item.ts'
import { createPicks } from '../workload/picks.ts'
import { distinct } from './raw-log.ts'

export interface BackCommitsOptions {
  readonly folder: string
  readonly items: number
  readonly batch: number
}

/** The back tier alone, one proposal of `batch` writes after the other. Keys and payloads are made beforehand. */
export async function backCommits({ folder, items, batch }: BackCommitsOptions): Promise<Subject> {
  const codec = createCborCodec()
  const back = createSqliteBack({ file: join(folder, 'back.db'), codec })
  const writes = stringKeys(items).map((name, number): SetWrite => {
    const payload = Payload.encode(codec, itemOf(number))
    return { op: 'set', key: StoreKey.of(name), payload, expiresAt: undefined, meta: undefined, path: undefined }
  })
  for (const { key } of writes) void key.bytes
  for (let from = 0; from < items; from += 1_000) {
    await back.commit({ reads: [], decide: () => writes.slice(from, from + 1_000) })
  }
  const pick = createPicks(items)
  const commit = () => {
    const chosen = distinct(batch, pick).map((number) => writes[number]!)
    return back.commit({ reads: [], decide: () => chosen })
  }
  return {
    async run(times) {
      for (let i = 0; i < times; i++) await commit()
    },
    async check() {
      const { changes, asOf } = await commit()
      const { changes: logged } = await back.log.read({ after: asOf - batch, limit: batch })
      if (changes.length !== batch || logged.length !== batch) throw new Error(`${logged.length} of ${batch} logged`)
    },
    close: () => back.close(),
  }
}
