// Writes and reads a blob of so many MiB, and prints by how much memory grew meanwhile, in MiB: beyond what it was when the
// store had been used, and its page cache of 32 MiB was full.
import { Store } from '@tidemark/core'
import { createSqliteBack } from '../../src/index.ts'

const [file = '', mebibytes = '256'] = process.argv.slice(2)
const MIB = 1024 * 1024
const PIECE = 64 * 1024
const size = Number(mebibytes) * MIB
const store = new Store(createSqliteBack({ file, synchronous: 'normal' }))

/** Fills a piece with what belongs at its place, so that a chunk in the wrong one is noticed. */
function fill(piece: Uint8Array, at: number): Uint8Array {
  piece.fill(at / PIECE)
  new DataView(piece.buffer, piece.byteOffset).setFloat64(0, at)
  return piece
}

/** A piece may be used again when the next one is asked for. */
async function* zeros(length: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < length; from += PIECE) yield new Uint8Array(PIECE)
}

async function* streamOf(key: string): AsyncGenerator<Uint8Array> {
  yield* (await store.blob(key).read()) as unknown as AsyncIterable<Uint8Array>
}

await store.blob('warm').write(zeros(48 * MIB))
for await (const bytes of streamOf('warm')) void bytes
const used = process.memoryUsage().rss
let peak = used
const look = (): void => {
  peak = Math.max(peak, process.memoryUsage().rss)
}

const piece = new Uint8Array(PIECE)
async function* source(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; at += PIECE) {
    if (at % MIB === 0) look()
    yield fill(piece, at)
  }
}
await store.blob('large').write(source())

let at = 0
const expected = new Uint8Array(PIECE)
for await (const bytes of streamOf('large')) {
  look()
  for (let from = 0; from < bytes.length; from += PIECE, at += PIECE) {
    const piece = bytes.subarray(from, from + PIECE)
    if (Buffer.compare(piece, fill(expected, at)) !== 0) throw new Error(`other bytes at ${at}`)
  }
}
if (at !== size) throw new Error(`${at} bytes instead of ${size}`)
await store.close()
process.stdout.write(`${Math.ceil((peak - used) / MIB)}\n`)
