import { createStorage, type StorageValue } from 'unstorage'
import memoryDriver from 'unstorage/drivers/memory'
import redisDriver from 'unstorage/drivers/redis'
import { requiredVersion } from '../installed-version.ts'
import type { RaceProduct } from './race-cache.ts'
import { NOT_OFFERED, SHARED_TIER_LACKS } from './shared-tier-only.ts'

/** As in unstorage's guide: the Redis driver. It has no memory tier; watchers are shown on the memory driver, which has them. */
export const unstorageRaces: RaceProduct = {
  name: 'unstorage',
  version: requiredVersion('unstorage'),
  lacks: SHARED_TIER_LACKS,
  subscriptions: 0,
  async open({ url }) {
    const storage = createStorage({ driver: redisDriver({ url }) })
    return {
      get: async (key) => (await storage.getItem(key)) ?? undefined,
      async set(key, value) {
        await storage.setItem(key, value as StorageValue)
        return true
      },
      async delete(key) {
        await storage.removeItem(key)
        return true
      },
      async clear() {
        await storage.clear()
        return true
      },
      ...NOT_OFFERED,
      async changesOfBulk(entries) {
        const watched = createStorage({ driver: memoryDriver() })
        let told = 0
        await watched.watch(() => void told++)
        await watched.setItems(Object.entries(entries).map(([key, value]) => ({ key, value: value as StorageValue })))
        await watched.dispose()
        return told
      },
      close: () => storage.dispose(),
    }
  },
}
