import type { Fill } from '@tidemark/core'
import { Batch } from './batch.ts'
import type { Keyspace } from './keyspace.ts'
import type { Lifetime } from './lifetime.ts'
import { encodeRecord } from './record.ts'

/** A fill, and how long it may live; one whose time has come is not sent. */
export interface LivingFill {
  readonly fill: Fill
  readonly lifetime: Lifetime
}

/** The arguments of one FILL. */
export function fillBatch(fills: readonly LivingFill[], epoch: string, keyspace: Keyspace): Batch {
  const batch = new Batch(keyspace.meta, epoch, fills.length, 3)
  for (const { fill, lifetime } of fills) {
    const { key, asOf, found } = fill
    // The version of a missing key is the head of the snapshot that missed it (row 8).
    const version = found.entry?.version ?? found.asOf
    const record = encodeRecord({ epoch, version, until: lifetime.until, entry: found.entry })
    batch.add(keyspace.prefix + key.id, key.id, [version, asOf, lifetime.px], record)
  }
  return batch
}

/** How many bytes a fill adds to a batch, nearly. */
export function bytesOfFill({ found: { entry } }: Fill): number {
  return (entry?.payload.byteLength ?? 0) + (entry?.meta?.byteLength ?? 0)
}
