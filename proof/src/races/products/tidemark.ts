import type { LoadSettings, RaceCache, RaceCacheOptions, RaceProduct } from '@tidemark/bench-peers/races/race-cache'
import { installedVersion } from '@tidemark/bench-peers/installed-version'
import { join } from 'node:path'
import { type FrontExplanation, type Key, open } from 'tidemark'
import { within } from '../waiting.ts'

const GRACE_MS = 3_600_000
const SERVING_WITHIN_MS = 5_000

const isInUse = ({ bypassed }: FrontExplanation): boolean => bypassed === undefined

/** With its defaults: near memory over Redis over SQLite. */
export const tidemarkRaces: RaceProduct = {
  name: 'Tidemark',
  version: installedVersion('tidemark', import.meta.url) ?? 'unknown',
  lacks: { cluster: 'no Cluster: it is refused with a message' },
  // It follows the log; the channel only wakes it up.
  subscriptions: 0,
  open: openTidemark,
}

async function openTidemark({ url, folder, refresh, onError }: RaceCacheOptions): Promise<RaceCache> {
  const store = await open({ file: join(folder, 'truth.db'), redis: url, onError, log: false })
  // Until then it reads past Redis, and would win races that it was not in.
  const isServing = async (): Promise<boolean> => (await store.explain('any')).fronts.every(isInUse)
  if (!(await within(SERVING_WITHIN_MS, isServing))) throw new Error('Tidemark does not use Redis')
  const keyOf = (key: string, { group }: LoadSettings): Key => (group === undefined ? key : [group, key])
  return {
    get: (key) => store.get(key),
    async set(key, value, settings) {
      await store.set(key, value, settings)
      return true
    },
    async delete(key) {
      await store.delete(key)
      return true
    },
    async clear() {
      await store.clear()
      return true
    },
    load: (key, load, settings = {}) =>
      store.getOrSet(keyOf(key, settings), () => load(), {
        ttlMs: settings.ttlMs,
        tags: settings.tags,
        ...(settings.hardTimeoutMs !== undefined && { hardTimeoutMs: settings.hardTimeoutMs }),
        ...(refresh && { graceMs: GRACE_MS, softTimeoutMs: 0 }),
      }),
    async invalidateTag(tag) {
      await store.invalidateTag(tag)
      return true
    },
    memoised: (name, load) => (argument) => store.getOrSet([name, JSON.stringify(argument)], () => load(argument)),
    async changesOfBulk(entries) {
      let told = 0
      const watching = store.writes$.subscribe(() => told++)
      await store.setMany(Object.entries(entries))
      watching.unsubscribe()
      return told
    },
    close: () => store.close(),
  }
}
