import type { DeadLetter, Metrics } from '@tidemark/tiered'
import { ConsumingStore } from './consuming-store.ts'
import type { StoreParts } from './store-parts.ts'

/** What a store has written behind, and has yet to commit. */
export class WriteBehindStore extends ConsumingStore {
  readonly #parts: StoreParts

  constructor(parts: StoreParts) {
    super(parts)
    this.#parts = parts
  }

  /**
   * Resolves when every write is committed that was written behind and acknowledged before it was.
   * @throws FlushFailure for what was refused for good, and is set aside, see {@link deadLetters}; what the back tier fails
   * with: the flush is tried again
   */
  flush(): Promise<void> {
    return this.#parts.tiers.flush()
  }

  /**
   * Keeps a state of the application (how far it has come, say) together with every write that was acknowledged before it: it is
   * acknowledged as they are, and committed in the same flush, in one transaction. What a crash leaves is never ahead of the
   * data.
   * @param name where several states are kept, or by several processes; the last one under a name counts
   */
  checkpoint(state: unknown, name = ''): Promise<void> {
    return this.#parts.tiers.checkpoint(name, state)
  }

  /** The last state that was kept under the name; undefined: none was. */
  lastCheckpoint<T = unknown>(name = ''): Promise<T | undefined> {
    return this.#parts.tiers.lastCheckpoint(name) as Promise<T | undefined>
  }

  /** Writes that were acknowledged, and refused for good when they were flushed. */
  deadLetters(): AsyncIterable<DeadLetter> {
    return this.#parts.tiers.deadLetters()
  }

  /** Writes what a dead letter holds, whatever is there by now, and removes it, in one commit. @returns whether there was one */
  redeem(id: string): Promise<boolean> {
    return this.#parts.tiers.redeem(id)
  }

  /** Removes a dead letter. @returns whether there was one */
  dropDeadLetter(id: string): Promise<boolean> {
    return this.#parts.tiers.dropDeadLetter(id)
  }

  /**
   * Lookups, reads of the back tier, writes behind and flushes since the store was opened, in total and by key. Lookups and reads
   * are counted where the policy of the store is `write-behind`. After `close()`, which makes the last flush, they stay as
   * they were in the end.
   */
  metrics(): Metrics {
    return this.#parts.tiers.metrics()
  }
}
