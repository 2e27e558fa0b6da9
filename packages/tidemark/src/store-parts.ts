import type { Clock, Log } from '@tidemark/core'
import type { TieredBack } from '@tidemark/tiered'

/** What the calls of an opened store work with. */
export interface StoreParts {
  readonly tiers: TieredBack
  /** One reader for all subscribers of this process. */
  readonly log: Log
  readonly clock: Clock
  readonly onError: (error: unknown) => void
  /** What works on the store in the background: closed before it is. What has ended is taken out. */
  readonly attached: Set<{ close(): Promise<void> }>
  isClosing(): boolean
}
