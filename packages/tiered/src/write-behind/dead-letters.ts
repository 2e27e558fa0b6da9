import { type Back, type Codec, type MarkWrite, Payload, type StoreKey } from '@tidemark/core'
import { type Buffered } from './buffered-write.ts'
import { DEAD_LETTERS, deadIdOf, deadKey } from './journal-keys.ts'
import { decodeRow, encodeRow } from './journal-row.ts'

const PAGE = 100

interface DeadRecord {
  readonly v: 1
  readonly at: number
  readonly message: string
  readonly code?: string
  readonly row: Uint8Array
}

/** Writes that were acknowledged, and then refused for good: set aside with their payload, in the back tier. */
export interface DeadLetter {
  readonly id: string
  /** When it was set aside. */
  readonly at: Date
  /** What it was refused with. */
  readonly error: { readonly message: string; readonly code: string | undefined }
  readonly writes: readonly DeadWrite[]
}

export interface DeadWrite {
  readonly key: StoreKey['tuple']
  /** Decoded when it is read. @throws CorruptError */
  readonly value: unknown
  readonly expiresAt: Date | undefined
}

export function deadLetterMark(codec: Codec, writes: readonly Buffered[], error: unknown, at: number): MarkWrite {
  const code = (error as { readonly code?: unknown } | undefined)?.code
  const record: DeadRecord = {
    v: 1,
    at,
    message: error instanceof Error ? error.message : String(error),
    ...(typeof code === 'string' && { code }),
    row: encodeRow(writes),
  }
  return { key: deadKey(crypto.randomUUID()), value: Payload.encode(codec, record) }
}

/** Every dead letter, in no order that means anything. */
export async function* deadLetters({ marks, codec }: Pick<Back, 'marks' | 'codec'>): AsyncGenerator<DeadLetter> {
  let after: StoreKey | undefined
  for (;;) {
    const page = await marks.scan(DEAD_LETTERS, { after, limit: PAGE })
    for (const { key, value } of page) yield toDeadLetter(deadIdOf(key), codec, value)
    if (page.length < PAGE) return
    after = page.at(-1)!.key
  }
}

/** What a dead letter holds, to be written again; undefined: there is none of that id. */
export async function buriedWrites(
  { marks, codec }: Pick<Back, 'marks' | 'codec'>,
  id: string,
): Promise<readonly Buffered[] | undefined> {
  const [value] = await marks.read([deadKey(id)])
  if (value === undefined) return undefined
  const { row, at } = value.decode() as DeadRecord
  return decodeRow(codec, row, at)
}

function toDeadLetter(id: string, codec: Codec, value: Payload): DeadLetter {
  const { at, message, code, row } = value.decode() as DeadRecord
  const writes = decodeRow(codec, row, at).flatMap(({ write }) => (write === undefined ? [] : [toDeadWrite(write)]))
  return { id, at: new Date(at), error: { message, code }, writes }
}

function toDeadWrite({ key, payload, expiresAt }: NonNullable<Buffered['write']>): DeadWrite {
  return {
    key: key.tuple,
    get value(): unknown {
      return payload.read()
    },
    expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt),
  }
}
