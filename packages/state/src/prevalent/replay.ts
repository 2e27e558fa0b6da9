import { afterTurn, CorruptError, TidemarkError } from '@tidemark/core'
import { isDamage } from '../journal/damage.ts'
import { REMOVED } from '../journal/journal-head.ts'
import { JournalReader } from '../journal/journal-reader.ts'
import type { StateAt } from '../snapshot/snapshots.ts'
import { Memory } from './memory.ts'
import type { ResolvedOptions } from './options.ts'

/** After so many transactions timers have their turn: the lease has to be renewed, however long it all takes. */
const PAUSE_AFTER = 2_000

/** Why a replay has ended before the journal does. */
export interface Stop {
  /** The transaction that was not replayed. */
  readonly number: number
  readonly error: TidemarkError
  /** It, and what follows it, is to be put aside without anybody having to say so: its record is damaged. */
  readonly isDamage: boolean
}

export interface Replayed {
  /** Of no use when a transaction has failed: the state was changed where it is. */
  readonly memory: Memory
  readonly stop: Stop | undefined
}

/**
 * Does again what the journal says behind a state, which is changed where it is.
 * @param upTo the last transaction that is wanted; undefined: whichever it is
 */
export async function replay(
  { back, name, transactions }: ResolvedOptions,
  start: StateAt,
  upTo: number | undefined,
): Promise<Replayed> {
  const memory = new Memory(name, transactions, start)
  const reader = new JournalReader(back, name)
  const end = upTo ?? Infinity
  let last = start.number
  let untilPause = PAUSE_AFTER
  const stopped = (error: TidemarkError, isDamaged = false): Replayed => ({
    memory,
    stop: { number: last + 1, error, isDamage: isDamaged },
  })
  try {
    for await (const record of reader.read(start.number)) {
      for (const transaction of record) {
        if (transaction.number > end) return { memory, stop: undefined }
        memory.replay(transaction)
        last = transaction.number
      }
      untilPause -= record.length
      if (untilPause > 0) continue
      untilPause = PAUSE_AFTER
      await new Promise<void>((resolve) => afterTurn(resolve))
    }
  } catch (error) {
    if (error instanceof CorruptError || isOfTransaction(error)) return stopped(error)
    throw error
  }
  const { damage } = reader
  if (damage === undefined || last >= end) return { memory, stop: undefined }
  // With nothing in between, it is no damage of a record: all of those that there were have gone.
  if (damage.isMissing && last === start.number) {
    return stopped(new CorruptError(`${name} lacks transaction ${last + 1} in its journal: ${REMOVED}`, { key: name }))
  }
  return stopped(damage.cause, isDamage(damage.cause))
}

function isOfTransaction(error: unknown): error is TidemarkError {
  return error instanceof TidemarkError && (error.code === 'STATE_DIVERGED' || error.code === 'TRANSACTION_UNKNOWN')
}
