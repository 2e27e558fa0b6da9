import { bentocacheRaces } from '@tidemark/bench-peers/races/bentocache'
import { cacheManagerRaces } from '@tidemark/bench-peers/races/cache-manager'
import { cacheableRaces } from '@tidemark/bench-peers/races/cacheable'
import { keyvRaces } from '@tidemark/bench-peers/races/keyv'
import { layeredLoaderRaces } from '@tidemark/bench-peers/races/layered-loader'
import type { RaceProduct } from '@tidemark/bench-peers/races/race-cache'
import { unstorageRaces } from '@tidemark/bench-peers/races/unstorage'
import { Cluster, Redis } from 'ioredis'
import { tidemarkRaces } from './tidemark.ts'

/** The columns of the scoreboard. */
export const PRODUCTS: readonly RaceProduct[] = [
  tidemarkRaces,
  bentocacheRaces,
  cacheableRaces,
  cacheManagerRaces,
  layeredLoaderRaces(
    (url) => new Redis(url),
    (ports) => new Cluster(ports.map((port) => ({ host: '127.0.0.1', port }))),
  ),
]

/** Run only in the rows that are about them. */
export const GUESTS: Readonly<Record<'keyv' | 'unstorage', RaceProduct>> = {
  keyv: keyvRaces,
  unstorage: unstorageRaces,
}
