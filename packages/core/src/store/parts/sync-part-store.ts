import type { Codec } from '../../codec/codec.ts'
import type { StoreKey } from '../../keys/store-key.ts'
import type { Uuid } from '../../keys/uuid.ts'
import type { SyncBack } from '../../ports/back.ts'
import type { Entry } from '../../ports/entry.ts'
import { headIdOf } from './part-head.ts'
import type { PartCollector } from './part-collector.ts'
import type { PartStore } from './part-store.ts'

/** As {@link PartStore}, for calls without promises. */
export interface SyncPartStore extends Pick<PartStore, 'clock' | 'heads' | 'assertOpen'> {
  readonly back: SyncBack
  readonly codec: Codec
  readonly collector: Pick<PartCollector, 'watch'>
  /** The entry at the key as readers see it. @throws ClosedError */
  readonly see: (key: StoreKey) => Entry | undefined
}

/** As `isStanding`. */
export function isStandingNow({ back }: SyncPartStore, key: StoreKey, id: Uuid): boolean {
  const [found] = back.read([key])
  return found?.entry !== undefined && headIdOf(found.entry)?.equals(id) === true
}
