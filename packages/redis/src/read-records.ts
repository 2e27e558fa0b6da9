import type { Found, StoreKey } from '@tidemark/core'
import type { Keyspace } from './keyspace.ts'
import type { Link } from './link.ts'
import type { UselessRecord } from './quarantine.ts'
import { type DecodeContext, decodeRecord } from './record.ts'

/** How many keys one MGET takes; a longer one would keep other clients waiting for milliseconds. */
const MAX_KEYS = 5_000

interface DecodedRecords {
  readonly answers: readonly (Found | undefined)[]
  readonly hits: number
  readonly useless: readonly UselessRecord[]
}

export interface RawRecords {
  decode(context: DecodeContext): DecodedRecords
}

/** Fetches the records of all keys, in one MGET. More than one takes follow each other, each within its own deadline. */
export async function readRecords(link: Link, { prefix }: Keyspace, keys: readonly StoreKey[]): Promise<RawRecords> {
  const names = keys.map((key) => prefix + key.id)
  const parts: (Buffer | null)[][] = []
  for (let from = 0; from < names.length; from += MAX_KEYS) {
    const part = from === 0 && names.length <= MAX_KEYS ? names : names.slice(from, from + MAX_KEYS)
    parts.push((await link.call('MGET', part)) as (Buffer | null)[])
  }
  const [first, ...rest] = parts
  const replies = rest.length === 0 ? first! : first!.concat(...rest)
  return { decode: (context) => decodeAll(keys, names, replies, context) }
}

function decodeAll(
  keys: readonly StoreKey[],
  names: readonly string[],
  replies: readonly (Buffer | null)[],
  context: DecodeContext,
): DecodedRecords {
  const answers: (Found | undefined)[] = []
  const useless: UselessRecord[] = []
  let hits = 0
  for (let i = 0; i < keys.length; i++) {
    const bytes = replies[i]
    const found = bytes === null || bytes === undefined ? 'other' : decodeRecord(bytes, keys[i]!, context)
    if (found === 'damaged' || found === 'expired') {
      useless.push({ key: keys[i]!, name: names[i]!, bytes: bytes!, isDamaged: found === 'damaged' })
    }
    if (typeof found === 'string') {
      answers.push(undefined)
    } else {
      hits++
      answers.push(found)
    }
  }
  return { answers, hits, useless }
}
