import { type Codec, type Found, Payload, type StoreKey } from '@tidemark/core'
import type { Keyspace } from '../keyspace.ts'
import type { Link } from '../link.ts'
import { TAG_FIELDS } from '../scripts/stream.ts'

/** The seq of the last invalidation of each tag at the latest, by the id of its key. */
export type LatestInvalidations = ReadonlyMap<string, { readonly seq: number; readonly isExact: boolean }>

/**
 * What the relay has noted about the tags with these keys. Of one that it has noted nothing of, it still says that it was
 * not invalidated since it notes such things: whatever was written later carries it rightly.
 *
 * @param floor what is noted has to be as new as that
 */
export async function readTags(
  link: Link,
  { streamTags }: Keyspace,
  keys: readonly StoreKey[],
  floor: () => number,
): Promise<LatestInvalidations> {
  if (keys.length === 0) return new Map()
  const reply = await link.call('HMGET', [streamTags, ...TAG_FIELDS, ...keys.map(({ id }) => id)])
  const [since, upTo, ...seqs] = (reply as (Buffer | null)[]).map((each) => (each === null ? undefined : Number(each)))
  if (since === undefined || upTo === undefined || upTo < floor()) return new Map()
  return new Map(keys.map(({ id }, i) => [id, { seq: seqs[i] ?? since, isExact: seqs[i] !== undefined }]))
}

/** The answer for the key of a tag, from what its record in the front says and what the relay has noted; undefined: neither. */
export function tagAnswer(
  key: StoreKey,
  record: Found | undefined,
  noted: { readonly seq: number; readonly isExact: boolean } | undefined,
  codec: Codec,
  tier: string,
): Found | undefined {
  if (noted === undefined || (record !== undefined && (!noted.isExact || (record.entry?.version ?? 0) >= noted.seq)))
    return record
  const { seq } = noted
  // What is asked of the key of a tag is its version, and nothing else.
  const entry = {
    key,
    version: seq,
    payload: Payload.encode(codec, null),
    writtenAt: 0,
    expiresAt: undefined,
    meta: undefined,
  }
  return { entry: seq === 0 ? undefined : entry, asOf: seq, until: Infinity, tier }
}
