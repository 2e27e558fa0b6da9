import { sync as syncBacks, type Sync, type SyncOptions } from '@tidemark/hooks'
import { internalsOf, type Tidemark } from './tidemark.ts'

/** As `sync` of @tidemark/hooks has them, between two stores. */
export type StoreSyncOptions = Omit<SyncOptions, 'clock'>

/**
 * Copies a store into another one, and follows it: first everything that is there, then every change, each once, deletions
 * included, with its expiry, meta and tags. How far it has come is stored in the target, in the transactions that bring it
 * there. Both stores are used as ever meanwhile. Two syncs, one in each direction, keep two stores alike without echo; a
 * `conflict` policy says what becomes of keys that both have written. It ends with either store.
 *
 * @throws TypeError or RangeError at once for wrong options
 */
export function sync(from: Tidemark, to: Tidemark, options: StoreSyncOptions): Sync {
  const [source, target] = [internalsOf(from), internalsOf(to)]
  const { tiers } = source
  const started = syncBacks(
    { log: source.log, scan: (range, page) => tiers.scan(range, page), marks: tiers.marks, codec: tiers.codec },
    target.tiers,
    { ...options, clock: target.clock },
  )
  source.attached.add(started)
  target.attached.add(started)
  return started
}
