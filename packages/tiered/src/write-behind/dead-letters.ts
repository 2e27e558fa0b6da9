import { type Back, CorruptError, type MarkWrite, Payload, type StoreKey } from '@tidemark/core'
import type { Dirty } from './batch.ts'
import { type JournalKeys, nameIn } from './journal-keys.ts'
import type { RowFormat } from './journal.ts'

const PAGE = 100

/** As it is stored. Carries the row. */
interface DeadRecord {
  readonly v: 1
  readonly at: number
  readonly message: string
  readonly code?: string
  readonly by?: string
  /** What nobody could decode. There is no row then. */
  readonly bytes?: Uint8Array
}

/** Writes that were acknowledged, and then refused for good: set aside with their payload. */
export interface DeadLetter<T = DeadWrite> {
  readonly id: string
  /** When it was set aside. */
  readonly at: Date
  /** What it was refused with. */
  readonly error: { readonly message: string; readonly code: string | undefined }
  /** The connector that has refused it; undefined: it was the store. */
  readonly by: string | undefined
  /** More than one where they were written together. */
  readonly writes: readonly T[]
  /** Of what was damaged where it was kept, and could not be decoded: as it was found. There are no writes then. */
  readonly bytes?: Uint8Array | undefined
}

export interface DeadWrite {
  readonly key: StoreKey['tuple']
  /** undefined: a deletion. Decoded when it is read. @throws CorruptError */
  readonly value: unknown
  readonly expiresAt: Date | undefined
}

export interface DeadLetterOffice<D extends Dirty> {
  readonly back: Pick<Back, 'marks' | 'codec'>
  readonly keys: JournalKeys
  readonly format: RowFormat<D>
}

export function deadLetterMark<D extends Dirty>(
  { keys, format, back }: DeadLetterOffice<D>,
  writes: readonly D[],
  error: unknown,
  at: number,
  by?: string,
): MarkWrite {
  const { message, code } = saidBy(error)
  const record: DeadRecord = {
    v: 1,
    at,
    message,
    ...(code !== undefined && { code }),
    ...(by !== undefined && { by }),
  }
  const value = Payload.bundle(back.codec, record, [format.encode(writes)])
  return { key: keys.dead(crypto.randomUUID()), value }
}

/** Of a row of a journal that nobody can decode. */
export function damagedMark<D extends Dirty>(
  { keys, back }: DeadLetterOffice<D>,
  bytes: Uint8Array,
  error: unknown,
  at: number,
): MarkWrite {
  const { message, code } = saidBy(error)
  const record: DeadRecord = { v: 1, at, message, ...(code !== undefined && { code }), bytes }
  return { key: keys.dead(crypto.randomUUID()), value: Payload.encode(back.codec, record) }
}

/** What a letter keeps of an error. */
export function saidBy(error: unknown): DeadLetter['error'] {
  const code = (error as { readonly code?: unknown } | undefined)?.code
  return {
    message: error instanceof Error ? error.message : String(error),
    code: typeof code === 'string' ? code : undefined,
  }
}

/** Every dead letter, in no order that means anything. */
export async function* deadLetters<D extends Dirty>(office: DeadLetterOffice<D>): AsyncGenerator<DeadLetter<D>> {
  const { back, keys } = office
  let after: StoreKey | undefined
  for (;;) {
    const page = await back.marks.scan(keys.deadLetters, { after, limit: PAGE })
    for (const { key, value } of page) yield toDeadLetter(office, nameIn(key), value)
    if (page.length < PAGE) return
    after = page.at(-1)!.key
  }
}

/** To write what it holds; undefined: there is none of that id. @throws CorruptError: nobody can decode what it holds */
export async function deadLetter<D extends Dirty>(
  office: DeadLetterOffice<D>,
  id: string,
): Promise<DeadLetter<D> | undefined> {
  const [value] = await office.back.marks.read([office.keys.dead(id)])
  const letter = value && toDeadLetter(office, id, value)
  if (letter?.bytes === undefined) return letter
  throw new CorruptError(
    `${letter.error.message}; its bytes are in the dead letter ${id}: drop that when nobody needs them`,
  )
}

function toDeadLetter<D extends Dirty>({ format }: DeadLetterOffice<D>, id: string, value: Payload): DeadLetter<D> {
  const { at, message, code, by, bytes } = value.decode() as DeadRecord
  const [row] = value.carried
  const writes = row === undefined ? [] : format.decode(row, at)
  return { id, at: new Date(at), error: { message, code }, by, writes, bytes }
}
