import {
  type Back,
  CorruptError,
  type Mark,
  Payload,
  type SharedJournal,
  type StoreKey,
  TidemarkError,
} from '@tidemark/core'
import type { Dirty } from './batch.ts'
import type { DeadLetterOffice } from './dead-letters.ts'
import { rowIn } from './journal-keys.ts'
import { marksIn } from './marks-in.ts'

/** A journal that somebody may have left behind. */
export interface LeftJournal {
  readonly owner: string
  /** As its owner has noted it; undefined: that is not known. */
  readonly level: unknown
  /** How he described himself. */
  readonly by: unknown
  /** What he has stored can be decoded here, and is bound to its place: what is not intact is damaged, then, and not of another context. */
  readonly isProven: boolean
  /** What he has noted cannot be read here, and may be whole. */
  readonly error?: CorruptError | undefined
}

/** A row that somebody has left behind. */
export interface LeftRow<D extends Dirty> {
  readonly row: number
  /** Where it lies in the back tier; undefined: elsewhere. */
  readonly key: StoreKey | undefined
  readonly writes: readonly D[]
}

/** One that nobody can decode any more. */
export interface DamagedRow extends Omit<LeftRow<Dirty>, 'writes'> {
  /** As they were stored. */
  readonly bytes: Uint8Array
  readonly error: CorruptError
}

export interface LeftRowsOptions<D extends Dirty> {
  readonly back: Pick<Back, 'codec' | 'marks'>
  readonly office: DeadLetterOffice<D>
  readonly shared?: SharedJournal | undefined
  /** Wall-clock milliseconds that they are taken to be written at. */
  readonly at: number
}

interface StoredRow {
  readonly row: number
  readonly key: StoreKey | undefined
  readonly payload: Payload
}

/**
 * The rows of a journal to which nobody adds, in their order: of those that lie in both, the one in the back tier counts.
 * @throws when they cannot be read, and perhaps later can, or by who has another codec
 */
export async function leftRows<D extends Dirty>(
  options: LeftRowsOptions<D>,
  journal: LeftJournal,
): Promise<{ readonly rows: readonly LeftRow<D>[]; readonly damaged: readonly DamagedRow[] }> {
  const { back, office, at } = options
  if (journal.error !== undefined) throw journal.error
  const marks = await marksIn(back, office.keys.rows(journal.owner))
  const stored = new Map<number, StoredRow>()
  for (const each of await sharedRows(options, journal)) stored.set(each.row, each)
  for (const { key, value } of marks) stored.set(rowIn(key), { row: rowIn(key), key, payload: value })
  const rows: LeftRow<D>[] = []
  const damaged: DamagedRow[] = []
  for (const { row, key, payload } of [...stored.values()].sort((a, b) => a.row - b.row)) {
    try {
      rows.push({ row, key, writes: office.format.decode(payload.envelope, at) })
    } catch (cause) {
      if (!(cause instanceof CorruptError)) throw cause
      const error = unreadable(journal, row, office.keys.row(journal.owner, row), cause)
      if (!isDamaged(cause, payload, journal)) throw error
      damaged.push({ row, key, bytes: payload.bytes, error })
    }
  }
  return { rows, damaged }
}

/** What is left where its owner has noted what he is. */
export function leftJournal({ key, value }: Mark, owner: string): LeftJournal {
  try {
    const { level, by } = value.decode() as { readonly level?: unknown; readonly by?: unknown }
    return { owner, level, by, isProven: value.isBound }
  } catch (cause) {
    if (!(cause instanceof CorruptError)) throw cause
    const unknown = { owner, level: undefined, by: undefined, isProven: false }
    // Damaged: of its rows nothing is known but that they are its rows.
    if (!cause.mayBeWhole || value.byteLength === 0) return unknown
    const message = `the journal ${owner} of who has written behind cannot be read: ${cause.message}`
    return { ...unknown, error: new CorruptError(message, { key: key.id, cause }) }
  }
}

async function sharedRows<D extends Dirty>(
  { back, office, shared }: LeftRowsOptions<D>,
  { owner, level }: LeftJournal,
): Promise<readonly StoredRow[]> {
  if (level !== 'front' && (level !== undefined || shared === undefined)) return []
  if (shared === undefined) {
    const message = `the journal ${owner} of who has written behind lies in Redis, and this store has none: open it with the same redis`
    throw new TidemarkError('FRONT_UNAVAILABLE', message)
  }
  const [flushed] = await back.marks.read([office.keys.flushed(owner)])
  const { to = 0 } = (flushed?.decode() ?? {}) as { readonly to?: number }
  await shared.seal(owner)
  return (await shared.read(owner, to)).map(({ row, bytes }) => ({
    row,
    key: undefined,
    payload: Payload.fromBytes(back.codec, bytes).at(office.keys.row(owner, row), 0, 'mark'),
  }))
}

function isDamaged({ code, mayBeWhole }: CorruptError, payload: Payload, { isProven }: LeftJournal): boolean {
  return !mayBeWhole || payload.byteLength === 0 || (isProven && (code === 'TAMPERED' || code === 'MISPLACED'))
}

function unreadable({ owner }: LeftJournal, row: number, { id: key }: StoreKey, cause: CorruptError): CorruptError {
  return new CorruptError(
    `row ${row} of the journal ${owner} of who has written behind cannot be read: ${cause.message}`,
    {
      key,
      cause,
    },
  )
}
