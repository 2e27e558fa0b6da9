import type { StoreKey } from '@tidemark/core'
import { askedFor, type ConnectorSet } from './connector-set.ts'
import type { Connector, ConnectorWrite, FlushContext } from './connector.ts'

/** So many values are copied between two flushes. */
const BATCH = 100

/**
 * From one connector to another, live. The new one is written to from now on; what the old one has is copied, between the
 * flushes; then reads ask the new one, and the old one is let go. After a crash the buffer is opened with the old one, which has
 * everything, and migrated again.
 */
export interface Migration<A> {
  /** The id of the connector to leave. */
  readonly from: string
  readonly to: Connector<A>
  /**
   * The arguments of every value that the old one has. What is written meanwhile may be left out, or not. What the old one does
   * not have is deleted in the new one, where a migration that came to no end may have left it.
   */
  readonly all: Iterable<A> | AsyncIterable<A>
}

export interface MigrationParts<A> {
  readonly connectors: ConnectorSet<A>
  readonly keyOf: (args: A) => StoreKey
  /** Runs a task while nothing is flushed. */
  readonly between: <T>(task: () => Promise<T>) => Promise<T>
  /** Resolves when no read is under way that has begun before. */
  readonly settled: () => Promise<void>
}

export async function migrate<A>(
  { from, to, all }: Migration<A>,
  { connectors, keyOf, between, settled }: MigrationParts<A>,
): Promise<{ readonly copied: number }> {
  const source = connectors.get(from)
  // No flush may be half way when it joins: it would miss what the others have got.
  await between(() => connectors.add(to, false))
  // Not those of a migration before this one: whoever remembers them would not take what has changed since.
  const id = crypto.randomUUID()
  let copied = 0
  let batches = 0
  const context = (): FlushContext => ({
    token: `migration:${id}:${batches++}`,
    fence: undefined,
    checkpoint: undefined,
  })
  const copy = async (batch: readonly A[]): Promise<void> => {
    const queries = batch.map((args) => ({ key: keyOf(args).tuple, args }))
    copied += await between(async () => {
      const values = await askedFor(source, queries)
      await to.write(
        queries.map((query, i): ConnectorWrite<A> => ({ ...query, value: values[i] })),
        context(),
      )
      return values.filter((value) => value !== undefined).length
    })
  }
  const switchOver = async (): Promise<void> => {
    const state = await source.checkpoints?.last()
    if (state !== undefined && to.checkpoints !== undefined) await to.write([], { ...context(), checkpoint: { state } })
    connectors.readFrom(to.id, from)
  }
  try {
    let batch: A[] = []
    for await (const args of all) {
      batch.push(args)
      if (batch.length < BATCH) continue
      await copy(batch)
      batch = []
    }
    if (batch.length > 0) await copy(batch)
    await between(switchOver)
  } catch (error) {
    await between(() => connectors.remove(to.id))
    throw error
  }
  await settled()
  await between(() => connectors.remove(from))
  return { copied }
}
