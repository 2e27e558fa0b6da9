import { createKeyv } from '@keyv/redis'
import { requiredVersion } from '../installed-version.ts'
import { notOffered, type RaceProduct } from './race-cache.ts'

/** As in the README of @keyv/redis. It is what cacheable and cache-manager store with. */
export const keyvRaces: RaceProduct = {
  name: 'keyv',
  version: requiredVersion('keyv'),
  lacks: {
    loader: 'no loader',
    tags: 'no tags',
    bus: 'no memory tier',
    refresh: 'no refresh',
    cluster: 'not in question',
  },
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
      load: notOffered('loader'),
      invalidateTag: notOffered('tags'),
      memoised: notOffered('loader'),
      close: () => keyv.disconnect(),
    }
  },
}
