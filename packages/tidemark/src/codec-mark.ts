import { type Back, CorruptError, type ErrorCode, isBinding, Payload, reservedKey } from '@tidemark/core'

/** Stored: never change it. */
const KEY = reservedKey('codec')
/** Among so many of the newest changes one with a value is looked for. */
const NEWEST = 16

/** What says that the codec is another one, whatever else can be read. Of other errors, damage may be the reason. */
const OF_CODEC: readonly ErrorCode[] = ['KEY_MISSING', 'KEY_WRONG', 'NOT_ENCRYPTED']

/**
 * Makes sure that a store is not opened, and written, with a codec that cannot read it: with a wrong key, in another context, or
 * without the encryption that it has. Whoever opens a store with a codec that encrypts leaves a mark in it for that. `rewrite()`
 * renews it with the rest, so that a key can be given up only after that.
 *
 * Stores that were never encrypted have none: what one value was written with says nothing of the others.
 *
 * @throws CorruptError with the code that a read would give
 */
export async function assertReadable(back: Back, onError: (error: unknown) => void): Promise<void> {
  const [mark] = await back.marks.read([KEY])
  const error = mark === undefined ? await errorOfNewest(back) : errorOf(() => mark.decode())
  if (error !== undefined && !(await isDamageOf(mark, back))) {
    const message = `the store cannot be opened with this codec: ${error.message}; with readOnly it can, to look at what is there`
    throw new CorruptError(message, { cause: error })
  }
  if ((mark !== undefined && error === undefined) || !isBinding(back.codec)) return
  // The next one to open it leaves the mark, if this one cannot: on a disk that is full, say.
  await back.marks.write([{ key: KEY, value: Payload.encode(back.codec, true) }]).catch(onError)
}

/** Of a store without a mark, which is to be encrypted from now on, by a codec that does not read what is there. */
async function errorOfNewest(back: Back): Promise<CorruptError | undefined> {
  if (!isBinding(back.codec)) return undefined
  const newest = await newestValue(back)
  // Classes of the application may be registered later: nothing is decoded.
  const error = errorOf(() => newest?.envelope)
  return error !== undefined && OF_CODEC.includes(error.code) ? error : undefined
}

/** Whether the codec reads what was written last, all the same: no store is given up for one small record. */
async function isDamageOf(mark: Payload | undefined, back: Back): Promise<boolean> {
  const error = errorOf(() => mark?.envelope)
  if (error === undefined || OF_CODEC.includes(error.code)) return false
  const newest = await newestValue(back)
  return newest !== undefined && errorOf(() => newest.envelope) === undefined
}

async function newestValue({ log }: Back): Promise<Payload | undefined> {
  const head = await log.head()
  const seqs = Array.from({ length: Math.min(NEWEST, head) }, (_, i) => head - i)
  return (await log.at(seqs)).find((change) => change?.payload !== undefined)?.payload
}

function errorOf(read: () => unknown): CorruptError | undefined {
  try {
    read()
    return undefined
  } catch (error) {
    if (error instanceof CorruptError) return error
    throw error
  }
}
