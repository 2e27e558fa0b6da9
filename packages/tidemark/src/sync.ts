import { sync as syncBacks, type Sync, type SyncOptions } from '@tidemark/hooks'
import { TidemarkReader } from './reader.ts'
import { internalsOf, Tidemark } from './tidemark.ts'
import { withOwn } from './with-own.ts'

/** As `sync` of @tidemark/hooks has them, between two stores. */
export type StoreSyncOptions = Omit<SyncOptions, 'clock'>

/**
 * Copies a store into another one, and follows it: first everything that is there, then every change, each once, deletions
 * included, with its expiry, meta and tags. How far it has come is stored in the target, in the transactions that bring it
 * there. Both stores are used as ever meanwhile. Two syncs, one in each direction, keep two stores alike without echo; a
 * `conflict` policy says what becomes of keys that both have written. It ends with either store.
 *
 * @throws TypeError or RangeError at once for wrong options, for what is no store with a file or memory of its own, and for
 * two handles of one store
 */
export function sync(from: Tidemark, to: Tidemark, options: StoreSyncOptions): Sync {
  assertStore('source', from, 'its keys cannot be listed')
  assertStore('target', to, 'it cannot be written')
  const [source, target] = [internalsOf(from), internalsOf(to)]
  const { tiers } = source
  const started = syncBacks(
    { log: source.log, scan: (range, page) => tiers.scan(range, page), marks: tiers.marks, codec: tiers.codec },
    target.tiers,
    withOwn('sync', options, { clock: target.clock }),
  )
  const both = [source.attached, target.attached]
  for (const attached of both) attached.add(started)
  started.state$.subscribe({ complete: () => both.forEach((attached) => attached.delete(started)) })
  return started
}

function assertStore(side: string, store: unknown, reason: string): void {
  if (store instanceof TidemarkReader)
    throw new TypeError(`the ${side} of a sync cannot be a store that was opened over Redis alone: ${reason} there`)
  if (!(store instanceof Tidemark)) throw new TypeError(`the ${side} of a sync must be a store that open() has opened`)
}
