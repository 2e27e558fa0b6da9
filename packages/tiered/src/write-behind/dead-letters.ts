import { type Back, type MarkWrite, Payload, type StoreKey } from '@tidemark/core'
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

/** undefined: there is none of that id. */
export async function deadLetter<D extends Dirty>(
  office: DeadLetterOffice<D>,
  id: string,
): Promise<DeadLetter<D> | undefined> {
  const [value] = await office.back.marks.read([office.keys.dead(id)])
  return value && toDeadLetter(office, id, value)
}

function toDeadLetter<D extends Dirty>({ format }: DeadLetterOffice<D>, id: string, value: Payload): DeadLetter<D> {
  const { at, message, code, by } = value.decode() as DeadRecord
  const [row] = value.carried
  return { id, at: new Date(at), error: { message, code }, by, writes: format.decode(row!, at) }
}
