import type { FrontRecord, StoreKey } from '@tidemark/core'
import type { Keyspace } from './keyspace.ts'
import type { Link } from './link.ts'
import { type Meta, META_FIELDS, readMeta } from './meta.ts'
import { BODY_AT, readHeader, readUntil } from './record.ts'
import { stripeOf } from './stripes.ts'

export interface KeyInspection {
  readonly record: FrontRecord | undefined
  readonly fence: number
  readonly meta: Meta
}

/** What stands under one key and in meta, both from the same moment. Of a record only the beginning travels. */
export async function inspectKey(link: Link, { meta, prefix }: Keyspace, { id }: StoreKey): Promise<KeyInspection> {
  const replies = await link.callAll([
    ['MULTI'],
    ['GETRANGE', prefix + id, 0, BODY_AT - 1],
    ['HMGET', meta, ...META_FIELDS, 'b', String(stripeOf(id))],
    ['EXEC'],
  ])
  const [bytes, fields] = replies[3] as [Buffer, (Buffer | null)[]]
  const [base, hi] = fields.slice(META_FIELDS.length).map((each) => Number(each ?? 0))
  const header = readHeader(bytes)
  const until = readUntil(bytes)
  const record = header === undefined || until === undefined ? undefined : { ...header, until }
  return { record, fence: Math.max(base!, hi!), meta: readMeta(fields) }
}
