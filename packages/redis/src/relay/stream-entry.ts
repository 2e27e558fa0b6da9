import { type Codec, CorruptError, createCborCodec, type LogChange } from '@tidemark/core'
import { decodeRun } from './change-run.ts'

/** As Redis answers: the id, then names and values of the fields. */
export type StreamEntry = readonly [id: Buffer, fields: readonly Buffer[]]

const plain = createCborCodec()

/** The changes of one entry. @throws CorruptError for what no relay wrote */
export function changesOf([id, fields]: StreamEntry, codec: Codec | readonly Codec[] = plain): LogChange[] {
  const [, first, , , , bytes] = fields
  if (first === undefined || bytes === undefined)
    throw new CorruptError(`entry ${String(id)} of the stream is none that a relay wrote`)
  // A copy: what a reader keeps would keep the whole reply.
  return decodeRun(Number(first), new Uint8Array(bytes), codec)
}
