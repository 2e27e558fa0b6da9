/** What a blob can be written from. Bytes are not to be changed before the write has ended. */
export type BlobSource = Uint8Array | ArrayBuffer | Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>

/**
 * The bytes of a source, in pieces of `chunkBytes`, the last one of less. A piece is valid until the next one is asked for,
 * and nothing is asked of the source before that. Whoever stops early cancels the source.
 *
 * @throws TypeError for what is no source, or does not consist of bytes; what the source fails with
 */
export async function* chunksOf(source: BlobSource, chunkBytes: number): AsyncGenerator<Uint8Array, void> {
  let chunk: Uint8Array | undefined
  let filled = 0
  for await (const piece of piecesOf(source)) {
    let at = 0
    while (at < piece.length) {
      // Whole ones are passed on as they are: most sources are one large piece.
      if (filled === 0 && piece.length - at >= chunkBytes) {
        yield piece.subarray(at, at + chunkBytes)
        at += chunkBytes
        continue
      }
      chunk ??= new Uint8Array(chunkBytes)
      const part = piece.subarray(at, at + chunkBytes - filled)
      chunk.set(part, filled)
      filled += part.length
      at += part.length
      if (filled === chunkBytes) {
        yield chunk
        filled = 0
      }
    }
  }
  if (filled > 0) yield chunk!.subarray(0, filled)
}

/** @throws TypeError for what is no source */
export function assertSource(source: unknown): asserts source is BlobSource {
  const is = typeof source === 'object' && source !== null
  if (is && (isBytes(source) || isBlob(source) || isStream(source) || Symbol.asyncIterator in source)) return
  throw new TypeError(
    'a blob is written from a Uint8Array, an ArrayBuffer, a Blob, a ReadableStream or an AsyncIterable of Uint8Array',
  )
}

async function* piecesOf(source: BlobSource): AsyncGenerator<Uint8Array, void> {
  if (source instanceof ArrayBuffer) yield new Uint8Array(source)
  else if (source instanceof Uint8Array) yield source
  else if (isBlob(source)) yield* readFrom(source.stream() as ReadableStream<Uint8Array>)
  else if (isStream(source)) yield* readFrom(source)
  else for await (const piece of source) yield bytesOf(piece)
}

/** Not by its async iterator, which not every browser has. */
async function* readFrom(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const reader = stream.getReader()
  let isDone = false
  try {
    for (;;) {
      const { done, value } = await reader.read()
      isDone = done
      if (done) return
      yield bytesOf(value)
    }
  } finally {
    // What it has cannot be of use to anyone who gets only the rest. One that has failed is cancelled already.
    if (!isDone) await reader.cancel().catch(() => undefined)
    reader.releaseLock()
  }
}

function bytesOf(piece: unknown): Uint8Array {
  if (piece instanceof Uint8Array) return piece
  throw new TypeError(`a blob is written from bytes; its source has given a ${typeof piece}: encode text first`)
}

function isBytes(source: object): boolean {
  return source instanceof Uint8Array || source instanceof ArrayBuffer
}

function isBlob(source: object): source is Blob {
  return typeof (source as Partial<Blob>).stream === 'function' && typeof (source as Partial<Blob>).size === 'number'
}

function isStream(source: object): source is ReadableStream<Uint8Array> {
  return typeof (source as Partial<ReadableStream>).getReader === 'function'
}
