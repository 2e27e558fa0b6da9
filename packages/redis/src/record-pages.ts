import { type FrontRecordPage, wholeBetween } from '@tidemark/core'
import type { Keyspace } from './keyspace.ts'
import type { Command, Link } from './link.ts'
import { HEADER_BYTES, readHeader } from './record.ts'

/** How many keys one SCAN looks at: it blocks the server meanwhile. */
const MOST = 1_000
/** Where SCAN begins, and what it says at its end. */
const START = '0'

/** One page of the records of an epoch, in no order. What came or went since the first page may be on none, or on two. */
export async function readRecordPage(
  link: Link,
  { pattern, prefix }: Keyspace,
  epoch: string,
  cursor: string | undefined,
  limit: number,
): Promise<FrontRecordPage> {
  wholeBetween('limit', limit, 1, Number.MAX_SAFE_INTEGER)
  if (cursor !== undefined && !/^\d{1,20}$/.test(cursor))
    throw new TypeError(`cursor is none that a page gave: ${cursor}`)
  const count = Math.min(limit, MOST)
  const scan = ['SCAN', cursor ?? START, 'MATCH', pattern, 'COUNT', count, 'TYPE', 'string'] as const
  const [next, names] = (await link.call(scan[0], scan.slice(1))) as [Buffer, Buffer[]]
  const headers = await link.callAll(names.map((name): Command => ['GETRANGE', name, 0, HEADER_BYTES - 1]))
  const skip = Buffer.byteLength(prefix)
  const records = names.flatMap((name, i) => {
    const header = readHeader(headers[i] as Buffer)
    if (header?.epoch !== epoch) return []
    return [{ id: name.toString('utf8', skip), version: header.version, kind: header.kind }]
  })
  return { records, cursor: String(next) === START ? undefined : String(next) }
}
