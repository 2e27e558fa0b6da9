import { type Back, callback, port } from '@tidemark/core'
import type { Consumer } from './consumer.ts'
import { type Batched, type ConsumerOptions, resolveConsumerOptions, type Transactional } from './consumer-options.ts'
import type { ConsumerParts } from './consumer-parts.ts'
import type { BatchHandler, Handler, TransactionContext } from './handler.ts'
import { register } from './registration.ts'
import { RunningConsumer } from './running-consumer.ts'

interface Single {
  readonly batch?: undefined
}

interface NoTransaction {
  readonly transaction?: false | undefined
}

/**
 * A durable consumer: every change that it wants is handed to `handler` by one process of the fleet, retried until it
 * succeeds or `onFailure` decides, in order per key. Resolves when it is registered under its name; it works until it
 * is closed, and goes on from where it was whenever it is run again, in any process. Each process that runs it takes
 * a fair share of its lanes.
 *
 * What is delivered how often:
 * - With `transaction: true`, what the handler writes through `tx` is committed together with the lane's place in the
 *   log: **exactly once**, through crashes, hung owners and takeovers. When something that it has read was changed
 *   meanwhile, the handler runs again; whatever else it does happens at least once.
 * - Otherwise **at least once**: a change is handed out again when its process ends between the effect and the note
 *   that it is done. `context.idempotencyKey(change)` is the same each time, and `context.fence` tells a receiver an
 *   owner that was replaced.
 *
 * What fails and what ends its process is counted alike: see `attempts` and `onFailure`. A change that ends its
 * process is handed out up to `attempts + 1` times, since the first time cannot be told from the other changes of its
 * batch; a batch that fails is tried once more change by change.
 *
 * However far behind it is, a lane holds at most what one page of the log (1,000 changes and the rest of a commit)
 * has for it, and one batch; beside that, there is what the shared log keeps.
 *
 * @throws TypeError, RangeError for wrong options, and a sink without the option `batch`; TidemarkError CONSUMER_MISMATCH when
 * it is registered with another number of lanes, `prefix`, `ops` or `transaction`; CompactedError when it is registered for the
 * first time and `from` lies where the log no longer reaches
 */
export function consume<T = unknown>(
  back: Back,
  name: string,
  options: ConsumerOptions & Transactional & Batched,
  handler: BatchHandler<T, TransactionContext>,
): Promise<Consumer<T>>
export function consume<T = unknown>(
  back: Back,
  name: string,
  options: ConsumerOptions & Transactional & Single,
  handler: Handler<T, TransactionContext>,
): Promise<Consumer<T>>
export function consume<T = unknown>(
  back: Back,
  name: string,
  options: ConsumerOptions & NoTransaction & Batched,
  handler: BatchHandler<T>,
): Promise<Consumer<T>>
export function consume<T = unknown>(
  back: Back,
  name: string,
  options: ConsumerOptions & NoTransaction & Single,
  handler: Handler<T>,
): Promise<Consumer<T>>
export async function consume<T>(
  back: Back,
  name: string,
  options: ConsumerOptions & { readonly batch?: number | undefined; readonly transaction?: boolean | undefined },
  handler: unknown,
): Promise<Consumer<T>> {
  if (typeof name !== 'string' || name === '')
    throw new TypeError('a consumer needs a name: a string that is not empty')
  port<Back>('the back tier', back, ['commit', 'read'])
  const resolved = resolveConsumerOptions(options)
  callback('the handler', handler)
  // By its shape: sinks know nothing of consumers. What is written without types would fail with every change otherwise.
  if (!resolved.isBatched && (handler as { takesBatches?: unknown }).takesBatches === true)
    throw new TypeError('a sink takes batches: give the consumer the option batch, say batch: 100')
  const consumer = new RunningConsumer({
    name,
    back,
    registration: await register(back, name, resolved),
    options: resolved,
    handler: handler as ConsumerParts['handler'],
  })
  consumer.start()
  return consumer as Consumer as Consumer<T>
}
