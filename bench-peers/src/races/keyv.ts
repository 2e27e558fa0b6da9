import { createKeyv } from '@keyv/redis'
import { requiredVersion } from '../installed-version.ts'
import type { RaceProduct } from './race-cache.ts'
import { NOT_OFFERED, SHARED_TIER_LACKS } from './shared-tier-only.ts'

/** As in the README of @keyv/redis. It is what cacheable and cache-manager store with. */
export const keyvRaces: RaceProduct = {
  name: 'keyv',
  version: requiredVersion('keyv'),
  lacks: SHARED_TIER_LACKS,
  subscriptions: 0,
  async open({ url, ttlMs, onError }) {
    const keyv = createKeyv(url)
    keyv.on('error', onError)
    return {
      get: (key) => keyv.get(key),
      set: (key, value, settings = {}) => keyv.set(key, value, settings.ttlMs ?? ttlMs),
      delete: (key) => keyv.delete(key),
      async clear() {
        await keyv.clear()
        return true
      },
      ...NOT_OFFERED,
      close: () => keyv.disconnect(),
    }
  },
}
