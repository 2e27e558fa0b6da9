import { ClosedError } from '@tidemark/core'
import {
  type BatchHandler,
  consume,
  type Consumer,
  type ConsumerOptions,
  type ConsumerPosition,
  consumerPositions,
  consumerStats,
  dropConsumer,
  dropParked,
  dropSync,
  type Handler,
  type ParkedChange,
  parkedChanges,
  type ParkedSelection,
  replayParked,
  type ReplayParkedResult,
  type TransactionContext,
  type Transactional,
  type StoredConsumerStats,
  type SyncPosition,
  syncPositions,
} from '@tidemark/hooks'
import type { StoreParts } from './store-parts.ts'
import { StreamingStore } from './streaming-store.ts'
import { withOwn } from './with-own.ts'

/** As `consume` of @tidemark/hooks has them, of this store. */
export type StoreConsumerOptions = Omit<ConsumerOptions, 'clock' | 'log' | 'random'>

/** Who handles the changes of a store for good: its consumers, and the syncs into it. */
export class ConsumingStore extends StreamingStore {
  readonly #parts: StoreParts

  constructor(parts: StoreParts) {
    super(parts)
    this.#parts = parts
  }

  /**
   * A durable consumer: every change that it wants is handed to the handler by one process of the fleet, retried until it
   * succeeds or `onFailure` decides, in order per key. With `transaction: true` what the handler writes through `tx` is
   * committed together with its place in the log: exactly once. Otherwise at least once, with an idempotency key and a fence.
   * It is closed with the store.
   *
   * @throws TypeError, RangeError for wrong options; TidemarkError CONSUMER_MISMATCH when it is registered with another number
   * of lanes, `prefix`, `ops` or `transaction`; CompactedError when `from` lies where the log no longer reaches
   */
  consume<T = unknown>(
    name: string,
    options: StoreConsumerOptions & Transactional & { readonly batch: number },
    handler: BatchHandler<T, TransactionContext>,
  ): Promise<Consumer<T>>
  consume<T = unknown>(
    name: string,
    options: StoreConsumerOptions & Transactional & { readonly batch?: undefined },
    handler: Handler<T, TransactionContext>,
  ): Promise<Consumer<T>>
  consume<T = unknown>(
    name: string,
    options: StoreConsumerOptions & { readonly transaction?: false | undefined; readonly batch: number },
    handler: BatchHandler<T>,
  ): Promise<Consumer<T>>
  consume<T = unknown>(
    name: string,
    options: StoreConsumerOptions & { readonly transaction?: false | undefined; readonly batch?: undefined },
    handler: Handler<T>,
  ): Promise<Consumer<T>>
  async consume<T>(
    name: string,
    options: StoreConsumerOptions & { readonly transaction?: boolean | undefined; readonly batch?: number | undefined },
    handler: unknown,
  ): Promise<Consumer<T>> {
    if (this.#parts.isClosing()) throw new ClosedError()
    const given = withOwn('consume', options, { clock: this.#parts.clock, log: this.#parts.log })
    // The overloads above say which handler belongs to which options; here they are one.
    const consuming = consume<T>(
      this.#parts.tiers,
      name,
      given as typeof given & Transactional & { batch: number },
      handler as BatchHandler<T, TransactionContext>,
    )
    // From now on: a store that is closed meanwhile waits for it, and closes it.
    const attached = {
      close: () =>
        consuming.then(
          (consumer) => consumer.close(),
          () => undefined,
        ),
    }
    this.#parts.attached.add(attached)
    const detach = (): void => void this.#parts.attached.delete(attached)
    void consuming.then((consumer) => consumer.closed).then(detach, detach)
    const consumer = await consuming
    if (!this.#parts.isClosing()) return consumer
    await consumer.close()
    throw new ClosedError()
  }

  /**
   * The parked changes of a consumer, whether or not any process runs it: lane by lane, each in the order of the log. The
   * next page of 50 is read when the last one was taken.
   * @throws TidemarkError CONSUMER_DROPPED when none is registered under the name
   */
  parked<T = unknown>(name: string, selection?: ParkedSelection): AsyncIterable<ParkedChange<T>> {
    return parkedChanges<T>(this.#parts.tiers, name, selection)
  }

  /**
   * Has parked changes handed to the consumer's handler once more, by the processes that run it; waits for them. Where none
   * does, they are `waiting`, and whoever runs it next replays them first. Aborting ends the wait, and takes nothing back.
   * @throws TidemarkError CONSUMER_DROPPED when none is registered under the name; the reason of `signal`
   */
  replayParked(
    name: string,
    selection?: ParkedSelection,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<ReplayParkedResult> {
    return replayParked(
      this.#parts.tiers,
      name,
      selection,
      withOwn('replayParked', options, { clock: this.#parts.clock }),
    )
  }

  /**
   * Forgets parked changes of a consumer, whether or not any process runs it: who works on a lane is asked, and waited for.
   * Aborting ends the wait, and takes nothing back. @returns how many
   * @throws TidemarkError CONSUMER_DROPPED when none is registered under the name; the reason of `signal`
   */
  dropParked(
    name: string,
    selection?: ParkedSelection,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<number> {
    return dropParked(this.#parts.tiers, name, selection, withOwn('dropParked', options, { clock: this.#parts.clock }))
  }

  /**
   * How a consumer stands, from what is stored of it: lag, what is parked, which lanes stand still, and whose they are.
   * @throws TidemarkError CONSUMER_DROPPED when none is registered under the name
   */
  consumerStats(name: string): Promise<StoredConsumerStats> {
    return consumerStats(this.#parts.tiers, name)
  }

  /** Every registered consumer, and how far it has come, whether or not any process runs it: what holds compaction back. */
  consumers(): Promise<readonly ConsumerPosition[]> {
    return consumerPositions(this.#parts.tiers)
  }

  /** Unregisters a consumer: what it has not handled is forgotten, and holds no compaction back. @returns whether there was one */
  dropConsumer(name: string): Promise<boolean> {
    return dropConsumer(this.#parts.tiers, name, { clock: this.#parts.clock })
  }

  /** Every sync into this store, and how far it has come, whether or not any process runs it. */
  syncs(): Promise<readonly SyncPosition[]> {
    return syncPositions(this.#parts.tiers)
  }

  /**
   * Forgets a sync into this store: where it runs, it ends with SYNC_DROPPED. What it has copied stays. One of the same name
   * copies everything anew, and takes what differs here by then for this store's own.
   * @returns whether there was one
   */
  dropSync(name: string): Promise<boolean> {
    return dropSync(this.#parts.tiers, name, { clock: this.#parts.clock })
  }
}
