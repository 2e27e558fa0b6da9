import { type FrontRecordPage, wholeBetween } from '@tidemark/core'
import type { Keyspace } from './keyspace.ts'
import type { Command, Link } from './link.ts'
import { BODY_AT, isDamaged, readHeader } from './record.ts'

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
  const skip = Buffer.byteLength(prefix)
  const current = Buffer.from(epoch, 'latin1')
  const records: FrontRecordPage['records'][number][] = []
  const damaged: string[] = []
  for (const { name, bytes, length } of await beginningsOf(link, names)) {
    const id = name.toString('utf8', skip)
    const header = readHeader(bytes)
    if (length > 0 && isDamaged(bytes, length, current)) damaged.push(id)
    else if (header?.epoch === epoch) records.push({ id, version: header.version, kind: header.kind })
  }
  return { records, damaged, cursor: String(next) === START ? undefined : String(next) }
}

interface Beginning {
  readonly name: Buffer
  /** The first {@link BODY_AT} of the record, or all there are; none: it has gone meanwhile. */
  readonly bytes: Buffer
  readonly length: number
}

/** Beginning and length of each, from one moment: of two records of a key they would look damaged. */
async function beginningsOf(link: Link, names: readonly Buffer[]): Promise<readonly Beginning[]> {
  if (names.length === 0) return []
  const looks = names.flatMap((name): Command[] => [
    ['GETRANGE', name, 0, BODY_AT - 1],
    ['STRLEN', name],
  ])
  const replies = (await link.callAll([['MULTI'], ...looks, ['EXEC']])).at(-1) as (Buffer | number)[]
  return names.map((name, i) => ({ name, bytes: replies[2 * i] as Buffer, length: replies[2 * i + 1] as number }))
}
