import type { FrontRecord, StoreKey } from '@tidemark/core'
import type { Keyspace } from './keyspace.ts'
import type { Link } from './link.ts'
import { type Meta, META_FIELDS, readMeta } from './meta.ts'
import { BODY_AT, isDamaged, readHeader, readUntil } from './record.ts'
import { stripeOf } from './stripes.ts'

export interface KeyInspection {
  readonly record: FrontRecord | undefined
  readonly isDamaged: boolean
  readonly fence: number
  readonly meta: Meta
}

/** What stands under one key and in meta, both from the same moment. Of a record only the beginning travels. */
export async function inspectKey(link: Link, { meta, prefix }: Keyspace, { id }: StoreKey): Promise<KeyInspection> {
  const { 4: transaction } = await link.callAll([
    ['MULTI'],
    ['GETRANGE', prefix + id, 0, BODY_AT - 1],
    ['STRLEN', prefix + id],
    ['HMGET', meta, ...META_FIELDS, 'b', String(stripeOf(id))],
    ['EXEC'],
  ])
  const [bytes, length, fields] = transaction as [Buffer, number, (Buffer | null)[]]
  const [base, hi] = fields.slice(META_FIELDS.length).map((each) => Number(each ?? 0))
  const current = readMeta(fields)
  // Without an epoch nothing is read, nor taken away.
  const { epoch } = current
  const isUseless = length > 0 && epoch !== undefined && isDamaged(bytes, length, Buffer.from(epoch, 'latin1'))
  const header = isUseless ? undefined : readHeader(bytes)
  const until = readUntil(bytes)
  const record = header === undefined || until === undefined ? undefined : { ...header, until }
  return { record, isDamaged: isUseless, fence: Math.max(base!, hi!), meta: current }
}
