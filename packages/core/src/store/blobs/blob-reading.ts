import { afterTurn } from '../../batching/after-turn.ts'
import { CorruptError } from '../../errors.ts'
import { StoreKey } from '../../keys/store-key.ts'
import type { ReadOptions } from '../../ports/back.ts'
import type { Entry } from '../../ports/entry.ts'
import type { BlobHead } from '../parts/part-head.ts'
import { partsKey } from '../parts/part-key.ts'
import { isStanding } from '../parts/is-standing.ts'
import { replaced } from '../parts/part-reads.ts'
import type { PartStore } from '../parts/part-store.ts'

/** Chunks per look at the back tier. */
const PAGE = 4

/** Which bytes of a blob, as `slice` takes them: `end` is exclusive, and what lies past the end of the blob is not there. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * The bytes of the blob that `head` names, chunk by chunk. One that was written in its place meanwhile is never mixed in:
 * its chunks have another id.
 *
 * @throws TidemarkError REPLACED when a chunk is gone with its blob; CorruptError when one is missing, or is none
 */
export async function* bytesOf<R extends ReadOptions, W extends object>(
  store: PartStore<R, W>,
  key: StoreKey,
  head: BlobHead,
  { start, end }: ByteRange,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const { chunkBytes } = head
  const base = partsKey('chunk', key, head.id)
  const chunkKey = (n: number): StoreKey => StoreKey.of([...base.tuple, n])
  const last = Math.ceil(end / chunkBytes)
  for (let n = Math.floor(start / chunkBytes); n < last;) {
    const range = { start: chunkKey(n).bytes, end: chunkKey(last).bytes }
    const { entries } = await store.back.scan(range, { after: undefined, limit: PAGE, reverse: false })
    for (const entry of entries) {
      if (entry.key.tuple.at(-1) !== n) break
      const from = n * chunkBytes
      const bytes = chunkOf(entry, key, Math.min(chunkBytes, head.size - from))
      yield bytes.subarray(Math.max(0, start - from), Math.min(bytes.length, end - from))
      n += 1
    }
    const isWhole = entries.length > 0 && entries.at(-1)!.key.tuple.at(-1) === n - 1
    if (isWhole) {
      // A back tier that answers at once would otherwise keep everyone else waiting until the end.
      if (n < last) await new Promise<void>((resolve) => afterTurn(resolve))
      continue
    }
    if (!(await isStanding(store, key, head.id))) throw replaced(key, 'blob')
    throw new CorruptError(`chunk ${n} of the blob at ${key.id} is missing`, { key: key.id })
  }
}

function chunkOf(entry: Entry, { id }: StoreKey, length: number): Uint8Array<ArrayBuffer> {
  let bytes: unknown
  try {
    bytes = entry.payload.decode()
  } catch (cause) {
    if (!(cause instanceof CorruptError)) throw cause
    throw new CorruptError(`a chunk of the blob at ${id} is damaged: ${cause.message}`, { key: id, cause })
  }
  if (!(bytes instanceof Uint8Array) || bytes.length !== length) {
    throw new CorruptError(`a chunk of the blob at ${id} is not what was written`, { key: id })
  }
  return bytes as Uint8Array<ArrayBuffer>
}
