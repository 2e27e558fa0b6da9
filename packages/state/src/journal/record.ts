import { type Codec, CorruptError, Payload } from '@tidemark/core'
import { StateHash } from '../draft/state-hash.ts'

/** One transaction, as the journal has it: data, and no code. */
export interface JournalTransaction {
  /** From 1 on, without a gap. */
  readonly number: number
  readonly name: string
  readonly args: readonly unknown[]
  /** Wall-clock milliseconds; never decreases. */
  readonly at: number
  /** Of its random numbers. */
  readonly seed: number
  /** Of the state that it came to; undefined where there is none. */
  readonly check: number | undefined
}

/** `[name, args, at, seed, check?]`. Stored: never change it. */
type Row = readonly [name: string, args: readonly unknown[], at: number, seed: number, check?: number]

/** What is stored under the number of its first transaction: those of one commit. `sum` is the hash of the rest. */
interface StoredRecord {
  readonly first: number
  readonly transactions: readonly Row[]
  readonly sum: number
}

/**
 * As a bundle, for its checksum: what it says is only known when it can be decoded, and whether it is damaged also when not.
 * @throws TidemarkError UNENCODABLE
 */
export function toPayload(codec: Codec, transactions: readonly JournalTransaction[]): Payload {
  return Payload.bundle(codec, toStored(transactions), [])
}

/**
 * @param first the number that its key says
 * @throws CorruptError, which `mayBeWhole` unless it is not what was written
 */
export function transactionsIn(payload: Payload, first: number): readonly JournalTransaction[] {
  try {
    return fromStored(payload.decode(), first)
  } catch (cause) {
    if (!(cause instanceof CorruptError) || !payload.isIntact) throw cause
    const message = `the journal record ${first} is what was written, and cannot be read here: ${cause.message}`
    throw new CorruptError(message, { cause, mayBeWhole: true })
  }
}

function toStored(transactions: readonly JournalTransaction[]): StoredRecord {
  const { number: first } = transactions[0]!
  const rows = transactions.map(({ name, args, at, seed, check }): Row =>
    check === undefined ? [name, args, at, seed] : [name, args, at, seed, check],
  )
  return { first, transactions: rows, sum: sumOf(first, rows) }
}

function fromStored(stored: unknown, first: number): readonly JournalTransaction[] {
  const record = stored as Partial<StoredRecord> | null
  if (typeof record !== 'object' || record === null || !Array.isArray(record.transactions)) {
    throw new CorruptError(`the journal record ${first} is none`)
  }
  if (record.first !== first || record.sum !== sumOf(first, record.transactions as readonly Row[])) {
    throw new CorruptError(`the journal record ${first} is not what was written`)
  }
  return (record.transactions as readonly Row[]).map(([name, args, at, seed, check], i) => ({
    number: first + i,
    name,
    args,
    at,
    seed,
    check,
  }))
}

function sumOf(first: number, rows: readonly Row[]): number {
  const hash = StateHash.of(first)
  for (const [i, row] of rows.entries()) hash.add({ lo: i, hi: first }, row)
  return hash.check
}
