import type { Clock } from '../../clock.ts'
import type { Back, ReadOptions } from '../../ports/back.ts'
import type { Visibility } from '../visibility.ts'
import type { LogHeads } from '../logs/log-heads.ts'
import type { PartCollector } from './part-collector.ts'

/** What logs and blobs need of the store that they are in. */
export interface PartStore<R extends ReadOptions = ReadOptions, W extends object = object> {
  readonly back: Back<R, W>
  readonly visibility: Visibility<R>
  readonly clock: Clock
  readonly collector: PartCollector<R, W>
  readonly heads: LogHeads
  /** The writes of blobs under way, which end with the store. */
  readonly writings: Set<{ abandon(): Promise<void> }>
  /** @throws ClosedError once the store is closing */
  readonly assertOpen: () => void
}
