/** What a blob can be written from. Bytes are not to be changed before the write has ended. */
export type BlobSource = Uint8Array | ArrayBuffer | Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>

/**
 * The bytes of a source, in pieces of `chunkBytes`, the last one of less. A piece is valid until the next one is asked for,
 * and nothing is asked of the source before that. Whoever stops early cancels the source.
 *
 * @param signal ends it, also while the source gives nothing
 * @throws TypeError for what is no source, or does not consist of bytes; what the source fails with; the reason of `signal`
 */
export async function* chunksOf(
  source: BlobSource,
  chunkBytes: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  let chunk: Uint8Array | undefined
  let filled = 0
  for await (const piece of piecesOf(source, signal)) {
    // Once: of a buffer that is given away meanwhile, what follows is an error, and not nothing.
    const { length } = piece
    let at = 0
    while (at < length) {
      // Whole ones are passed on as they are: most sources are one large piece.
      if (filled === 0 && length - at >= chunkBytes) {
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

/** Of what needs not be waited for. @throws TypeError for anything else */
export function bytesAtHand(source: Uint8Array | ArrayBuffer): Uint8Array {
  if (typeof source !== 'object' || source === null || !isBytes(source)) {
    throw new TypeError('without promises, a blob is written from a Uint8Array or an ArrayBuffer')
  }
  assertSource(source)
  return source instanceof Uint8Array ? source : new Uint8Array(source)
}

/** @throws TypeError for what is no source */
export function assertSource(source: unknown): asserts source is BlobSource {
  const is = typeof source === 'object' && source !== null
  if (is && (isBytes(source) || isBlob(source) || isStream(source) || Symbol.asyncIterator in source)) {
    if (isBytes(source)) assertNotDetached(source instanceof Uint8Array ? source.buffer : source)
    return
  }
  throw new TypeError(
    'a blob is written from a Uint8Array, an ArrayBuffer, a Blob, a ReadableStream or an AsyncIterable of Uint8Array',
  )
}

async function* piecesOf(source: BlobSource, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void> {
  if (source instanceof ArrayBuffer) yield new Uint8Array(source)
  else if (source instanceof Uint8Array) yield source
  else if (isBlob(source)) yield* readFrom(source.stream() as ReadableStream<Uint8Array>, signal)
  else if (isStream(source)) yield* readFrom(source, signal)
  else yield* iterate(source, signal)
}

/** Not by its async iterator, which not every browser has. */
async function* readFrom(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  const reader = stream.getReader()
  let isDone = false
  try {
    for (;;) {
      const { done, value } = await unlessAborted(signal, () => reader.read())
      isDone = done
      if (done) return
      yield bytesOf(value)
    }
  } finally {
    // What it has cannot be of use to anyone who gets only the rest. One that has failed is cancelled already.
    const cancelled = isDone ? undefined : reader.cancel(signal?.reason).catch(() => undefined)
    // A source that is stuck may be so in its end, too.
    if (signal?.aborted !== true) await cancelled
    reader.releaseLock()
  }
}

async function* iterate(
  source: AsyncIterable<unknown>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  const iterator = source[Symbol.asyncIterator]()
  // One that has failed, or come to its end, is not to be ended.
  let isGiven = false
  try {
    for (;;) {
      isGiven = false
      const { done, value } = await unlessAborted(signal, () => iterator.next())
      if (done === true) return
      isGiven = true
      yield bytesOf(value)
    }
  } finally {
    const end = async (): Promise<unknown> => iterator.return?.()
    if (signal?.aborted === true) void end().catch(() => undefined)
    else if (isGiven) await end()
  }
}

/** What comes next. @throws the reason of `signal`, as soon as that aborts */
function unlessAborted<T>(signal: AbortSignal | undefined, next: () => Promise<T>): Promise<T> {
  if (signal === undefined) return next()
  return new Promise<T>((resolve, reject) => {
    signal.throwIfAborted()
    const onAbort = (): void => reject(signal.reason as Error)
    // One of each piece: a promise that all of them raced with would hold on to all of them.
    signal.addEventListener('abort', onAbort)
    void next()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort))
  })
}

function bytesOf(piece: unknown): Uint8Array {
  if (piece instanceof Uint8Array) {
    assertNotDetached(piece.buffer)
    return piece
  }
  throw new TypeError(`a blob is written from bytes; its source has given a ${typeof piece}: encode text first`)
}

/** What was given away, by `postMessage` for one, has no length any more: it would make an empty blob. */
function assertNotDetached(buffer: ArrayBufferLike): void {
  if ((buffer as { readonly detached?: boolean }).detached !== true) return
  throw new TypeError('a blob cannot be written from bytes whose buffer was transferred: they are not here any more')
}

function isBytes(source: object): source is Uint8Array | ArrayBuffer {
  return source instanceof Uint8Array || source instanceof ArrayBuffer
}

function isBlob(source: object): source is Blob {
  return typeof (source as Partial<Blob>).stream === 'function' && typeof (source as Partial<Blob>).size === 'number'
}

function isStream(source: object): source is ReadableStream<Uint8Array> {
  return typeof (source as Partial<ReadableStream>).getReader === 'function'
}
