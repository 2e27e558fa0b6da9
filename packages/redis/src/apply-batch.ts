import { type ApplyMode, type LogChange, markOf } from '@tidemark/core'
import { Batch } from './batch.ts'
import type { Keyspace } from './keyspace.ts'
import { type LifetimeOptions, lifetimeOf } from './lifetime.ts'
import { encodeRecord } from './record.ts'

export interface RecordOptions extends LifetimeOptions {
  /** What takes more bytes is not held. */
  readonly maxRecordBytes: number
}

/**
 * The arguments of one APPLY, of at least one change.
 * @param epoch undefined: not known; then nothing is installed, but what the changes replace still goes.
 */
export function applyBatch(
  changes: readonly LogChange[],
  mode: ApplyMode,
  epoch: string | undefined,
  keyspace: Keyspace,
  options: RecordOptions,
): Batch {
  const highest = changes.reduce((one, other) => (other.seq > one.seq ? other : one))
  const batch = new Batch(keyspace.meta, epoch ?? '', changes.length, 2, [markOf(highest)])
  for (const change of changes) {
    const { key, seq } = change
    const record = mode === 'install' && epoch !== undefined ? recordOf(change, epoch, options) : undefined
    batch.add(keyspace.prefix + key.id, key.id, [seq, record?.px ?? 0], record?.bytes)
  }
  return batch
}

/** A deletion has no record: what the key's readers learn from the back tier becomes a negative one. */
function recordOf(change: LogChange, epoch: string, options: RecordOptions) {
  const { payload, expiresAt, meta, seq, at } = change
  if (payload === undefined || bytesOfChange(change) > options.maxRecordBytes) return undefined
  const lifetime = lifetimeOf(options, { expiresAt }, Infinity)
  if (lifetime === undefined) return undefined
  const { px, until } = lifetime
  return { px, bytes: encodeRecord({ epoch, version: seq, until, entry: { payload, expiresAt, meta, writtenAt: at } }) }
}

/** How many bytes a change adds to a batch, nearly. */
export function bytesOfChange({ payload, meta }: LogChange): number {
  return (payload?.byteLength ?? 0) + (meta?.byteLength ?? 0)
}
