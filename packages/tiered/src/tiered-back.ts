import type { Back, Found, StoreKey } from '@tidemark/core'
import type { Observable } from 'rxjs'
import type { Explanation } from './inspection/explanation.ts'
import type { VerifyOptions, VerifyProgress } from './inspection/verification.ts'
import type { TieredReadOptions, TieredWriteOptions } from './options.ts'
import type { TierEvent } from './tier-events.ts'
import type { TierStats } from './tier-stats.ts'
import type { WarmProgress } from './warm/warm.ts'
import type { WarmOptions, WarmStrategy } from './warm/warm-options.ts'
import type { DeadLetter } from './write-behind/dead-letters.ts'
import type { Metrics } from './write-behind/metrics.ts'

/**
 * Fronts and a back tier as one store, under policies. It is a back tier itself, so that everything written above one
 * works above it.
 *
 * A commit listener is called when the fronts have had their turn, in the order of the log.
 */
export interface TieredBack extends Back<TieredReadOptions, TieredWriteOptions> {
  /** Trouble in a tier, and its end. Hot. */
  readonly tierEvents$: Observable<TierEvent>
  /**
   * How many milliseconds after its commit each change of another process became visible in this one, by the wall clocks
   * of both. With a near front: when that had met it in the log; those that it skipped, because the log was far ahead, are
   * told as one, the oldest; what was compacted meanwhile cannot be told. Without: when the first shared front was proven
   * to have it, which is asked three times in Δ, so that it may have been visible before; nothing is told while that front
   * is bypassed, as reads then see everything at once. Without any front, nothing. Hot.
   */
  readonly visibilityLag$: Observable<number>
  tierStats(): TierStats
  /**
   * Resolves when every write is committed that was acknowledged before it was (`write-behind`).
   * @throws FlushFailure for what was refused for good, and is set aside; what the back tier fails with: it is tried again
   */
  flush(): Promise<void>
  /**
   * Keeps a state of the application under a name, together with every write that was acknowledged before it: acknowledged as
   * they are, and committed in the same flush.
   */
  checkpoint(name: string, state: unknown): Promise<void>
  /** The last state that was kept under the name; undefined: none was. */
  lastCheckpoint(name: string): Promise<unknown>
  /** Acknowledged writes that were refused for good when they were flushed. */
  deadLetters(): AsyncIterable<DeadLetter>
  /** Writes what a dead letter holds, whatever is there by now, and removes it, in one commit. @returns whether there was one */
  redeem(id: string): Promise<boolean>
  /** @returns whether there was one */
  dropDeadLetter(id: string): Promise<boolean>
  /**
   * Lookups, reads of the back tier, writes behind and flushes since the store was opened, in total and by key. Lookups and reads
   * are counted where the policy of the store is `write-behind`.
   */
  metrics(): Metrics
  /**
   * Flushes what others have acknowledged and left behind when they died. Resolves when all of it is committed that nobody
   * may still be about to flush; looks again when that has become clear for the rest. What fails goes to `onError`, and is tried
   * again.
   * @param options `isRequired`: what fails, and may pass, is waited for; see `unrecovered` and `recoverWithinMs`
   * @throws TidemarkError UNRECOVERED, where it is required
   */
  recoverWrites(options?: { readonly isRequired?: boolean | undefined }): Promise<void>
  /**
   * What the near front holds under this key id, at once. The log is not asked: the answer may lack what another process
   * wrote within the last poll of the log.
   */
  peek(id: string): Found | undefined
  /** What every tier holds of the key, how far each one has followed the log, and which one a read would be served from. */
  explain(key: StoreKey): Promise<Explanation>
  /** Compares the shared fronts with the back tier, and repairs them. */
  verify(options?: VerifyOptions): Observable<VerifyProgress>
  /** Brings what the back tier holds into the fronts. Nothing happens until it is subscribed to. */
  warm(options?: WarmOptions | WarmStrategy): Observable<WarmProgress>
}
