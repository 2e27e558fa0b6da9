import type { Codec } from '../../codec/codec.ts'
import { Payload } from '../../codec/payload.ts'
import { CorruptError } from '../../errors.ts'
import type { StoreKey } from '../../keys/store-key.ts'
import { Uuid } from '../../keys/uuid.ts'
import type { SetWrite } from '../../ports/back.ts'
import type { Entry } from '../../ports/entry.ts'
import { type EntryType, metaOf, type EntryNotes, notesOf } from '../entry-notes.ts'
import { readPayload } from '../entry-view.ts'
import { wrongType } from './wrong-type.ts'

/** What stands at the key of a log. */
export interface LogHead {
  readonly id: Uuid
}

/** What stands at the key of a blob. */
export interface BlobHead extends LogHead {
  /** In bytes. */
  readonly size: number
  /** Of every chunk but the last, in bytes. */
  readonly chunkBytes: number
}

type HeadType = Exclude<EntryType, 'value'>

export interface HeadOptions {
  readonly expiresAt?: number | undefined
  readonly meta?: unknown
  readonly notes?: EntryNotes | undefined
}

/** The write that makes a log or blob what is at the key. */
export function headWrite(
  codec: Codec,
  key: StoreKey,
  type: HeadType,
  head: LogHead | BlobHead,
  { expiresAt, meta, notes }: HeadOptions = {},
): SetWrite {
  return {
    op: 'set',
    key,
    payload: headPayload(codec, head),
    expiresAt,
    meta: metaOf(codec, meta, { ...notes, type }),
    path: undefined,
  }
}

/** What the head's entry holds. The id as text: a codec of the application need not know a Uuid. */
export function headPayload(codec: Codec, head: LogHead | BlobHead): Payload {
  return Payload.encode(codec, { ...head, id: head.id.text })
}

/** @throws TidemarkError WRONG_TYPE when something else is at the key; CorruptError */
export function readHead(entry: Entry, type: 'log'): LogHead
export function readHead(entry: Entry, type: 'blob'): BlobHead
export function readHead(entry: Entry, type: HeadType): LogHead | BlobHead {
  const { type: is = 'value' } = notesOf(entry)
  if (is !== type) throw wrongType(entry.key, is, type)
  const head = readPayload(entry) as Stored | null
  const id = idOf(head)
  const { size, chunkBytes } = head ?? {}
  const isWhole = type === 'log' || (Number.isSafeInteger(size) && Number.isSafeInteger(chunkBytes) && chunkBytes! > 0)
  if (id === undefined || !isWhole) {
    throw new CorruptError(`what says where the ${type} at ${entry.key.id} is kept is damaged`, { key: entry.key.id })
  }
  return type === 'log' ? { id } : { id, size: size!, chunkBytes: chunkBytes! }
}

/** Which log or blob an entry stands for; undefined: it is a value, or damaged. */
export function headIdOf(entry: Entry): Uuid | undefined {
  try {
    const { type = 'value' } = notesOf(entry)
    return type === 'value' ? undefined : idOf(readPayload(entry) as Stored | null)
  } catch {
    return undefined
  }
}

type Stored = Partial<Omit<BlobHead, 'id'>> & { readonly id?: unknown }

function idOf(head: Stored | null): Uuid | undefined {
  try {
    return Uuid.parse(head?.id as string)
  } catch {
    return undefined
  }
}
