import type { SharedTailStep } from '@tidemark/core'
import type { Keyspace } from './keyspace.ts'
import type { Link } from './link.ts'
import { seqOf } from './meta.ts'
import { parseReply } from './script-reply.ts'
import type { Script } from './scripts/script.ts'
import { StripeList } from './stripe-list.ts'

const BYTES_PER_KEY = 2 + 8

export interface TailReply {
  /** The epoch of the server's meta; undefined when it is not ready. */
  readonly epoch: string | undefined
  /** Afterwards; undefined: there is none. */
  readonly watermark: number | undefined
}

/** Runs one TAIL. @param epoch of the session in which the step is taken */
export async function runTail(
  link: Link,
  script: Script,
  { meta, prefix }: Keyspace,
  epoch: string,
  { from, to, mark, tailer, changes }: SharedTailStep,
): Promise<TailReply> {
  // Of several changes of a key the last one decides what may stay.
  const seqs = new Map<string, number>()
  for (const { key, seq } of changes) seqs.set(key.id, Math.max(seq, seqs.get(key.id) ?? 0))
  const stripes = new StripeList()
  const packed = Buffer.allocUnsafe(seqs.size * BYTES_PER_KEY)
  const keys = [meta]
  let at = 0
  for (const [id, seq] of seqs) {
    keys.push(prefix + id)
    at = packed.writeUInt16BE(stripes.indexOf(id), at)
    at = packed.writeDoubleBE(seq, at)
  }
  const args = [epoch, String(from), String(to), mark, tailer, packed, ...stripes.names]
  const { epoch: now, rest } = parseReply(await link.run(script, keys, args))
  return { epoch: now, watermark: seqOf(rest) }
}
