import type { StoreKey } from '@tidemark/core'
import type { ConnectorSet } from './connector-set.ts'
import type { Connector, ConnectorWrite } from './connector.ts'

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
  /** The arguments of every value that the old one has. What is written meanwhile may be left out, or not. */
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
  let copied = 0
  const copy = async (batch: readonly A[]): Promise<void> => {
    const queries = batch.map((args) => ({ key: keyOf(args).tuple, args }))
    copied += await between(async () => {
      const values = await source.read(queries)
      const writes = queries.flatMap((query, i): readonly ConnectorWrite<A>[] =>
        values[i] === undefined ? [] : [{ ...query, value: values[i] }],
      )
      const token = `migration:${from}:${to.id}:${queries[0]!.key.join(':')}+${writes.length}`
      if (writes.length > 0) await to.write(writes, { token, fence: undefined, checkpoint: undefined })
      return writes.length
    })
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
  } catch (error) {
    await between(() => connectors.remove(to.id))
    throw error
  }
  await between(async () => connectors.readFrom(to.id, from))
  await settled()
  await between(() => connectors.remove(from))
  return { copied }
}
