import { type LogChange, tagOfKey } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import type { Logged } from '../check/logged.ts'
import { nameOf } from '../keys.ts'
import { type ChaosValue, hashOf } from '../payload.ts'

const PAGE = 1_000

/** The whole log of the file, and what the tables of values say beside it. */
export interface BackState {
  readonly log: readonly Logged[]
  /** The version of each key as its entry has it; 0: absent. */
  readonly versions: ReadonlyMap<string, number>
}

export async function readBack(file: string): Promise<BackState> {
  const back = createSqliteBack({ file, readOnly: true })
  try {
    const log: Logged[] = []
    const storeKeys = new Map<string, LogChange['key']>()
    for (let page = await back.log.read({ after: 0, limit: PAGE }); page.changes.length > 0;) {
      for (const change of page.changes) {
        log.push(toLogged(change))
        storeKeys.set(nameOf(change.key), change.key)
      }
      page = await back.log.read({ after: log.at(-1)!.seq, limit: PAGE })
    }
    const found = await back.read([...storeKeys.values()])
    const versions = new Map([...storeKeys.keys()].map((key, i) => [key, found[i]!.entry?.version ?? 0]))
    return { log, versions }
  } finally {
    await back.close()
  }
}

function toLogged({ seq, key, op, payload }: LogChange): Logged {
  // null: an invalidation, or that a loader found nothing.
  const value = payload?.read() as ChaosValue | null | undefined
  return {
    seq,
    key: nameOf(key),
    op: tagOfKey(key) !== undefined ? 'invalidate' : op === 'set' ? 'set' : 'delete',
    id: value?.id,
    hash: value ? hashOf(value) : undefined,
    count: value?.count,
    tags: value?.tags ?? [],
  }
}
