import { afterTurn, CorruptError } from '@tidemark/core'
import { Owned } from '../draft/owned.ts'
import { Scope } from '../draft/scope.ts'
import { StateHash } from '../draft/state-hash.ts'
import { storable } from '../draft/storable.ts'
import { type Dropped, putAside } from '../journal/dropped.ts'
import type { JournalHead } from '../journal/journal-head.ts'
import { recordsOf } from '../journal/journal-keys.ts'
import { isDamage } from '../journal/damage.ts'
import { JournalReader } from '../journal/journal-reader.ts'
import type { WriterLease } from '../journal/writer-lease.ts'
import type { Snapshots, StateAt } from '../snapshot/snapshots.ts'
import { Memory } from './memory.ts'
import type { ResolvedOptions } from './options.ts'
import type { Recovery } from './recovery.ts'

/** After so many transactions timers have their turn: the lease has to be renewed, however long it all takes. */
const PAUSE_AFTER = 2_000

/** The state as the newest good snapshot and the journal behind it tell it. */
export async function startUp(
  options: ResolvedOptions,
  snapshots: Snapshots,
  writer: WriterLease,
  head: JournalHead,
): Promise<{ readonly memory: Memory; readonly recovery: Recovery }> {
  const { back, name, transactions } = options
  const { start: loaded, unusable } = await newest(snapshots)
  const start = loaded ?? (await first(options, snapshots, { writer, head, unusable }))
  const memory = new Memory(name, transactions, start)
  const reader = new JournalReader(back, name)
  let untilPause = PAUSE_AFTER
  for await (const record of reader.read(start.number)) {
    for (const transaction of record) memory.replay(transaction)
    untilPause -= record.length
    if (untilPause > 0) continue
    untilPause = PAUSE_AFTER
    await new Promise<void>((resolve) => afterTurn(resolve))
  }
  memory.committed(memory.groupEnded())
  await writer.ensure()
  const dropped: Dropped[] = unusable.map(({ number, error }) => ({
    number,
    what: 'snapshot',
    reason: error.message,
    movedTo: undefined,
  }))
  // Not before all the rest has turned out well. What others may be able to read stays.
  const damaged = unusable.filter(({ error }) => isDamage(error)).map(({ number }) => number)
  if (damaged.length > 0) await snapshots.drop(damaged, writer)
  const { damage } = reader
  if (damage !== undefined) {
    const { number: last } = memory.durable
    dropped.push(...(await putAside({ ...options, writer, head }, damage.entries, { last, reason: damage.reason })))
  }
  await head.establish(memory.durable.number, writer)
  const replayed = memory.durable.number - start.number
  return { memory, recovery: Object.freeze({ snapshot: start.number, replayed, dropped: Object.freeze(dropped) }) }
}

/** A snapshot that was passed over: the one before it comes to the same, with more of the journal. */
interface Unusable {
  readonly number: number
  readonly error: CorruptError
}

async function newest(
  snapshots: Snapshots,
): Promise<{ readonly start: StateAt | undefined; readonly unusable: readonly Unusable[] }> {
  const unusable: Unusable[] = []
  for (const number of (await snapshots.numbers()).toReversed()) {
    try {
      return { start: await snapshots.load(number), unusable }
    } catch (error) {
      if (!(error instanceof CorruptError)) throw error
      unusable.push({ number, error })
    }
  }
  return { start: undefined, unusable }
}

/** Stored before the first transaction: the journal is that of this state, whatever `initial` becomes in the code. */
async function first(
  { back, name, initial }: ResolvedOptions,
  snapshots: Snapshots,
  {
    writer,
    head,
    unusable,
  }: { readonly writer: WriterLease; readonly head: JournalHead; readonly unusable: readonly Unusable[] },
): Promise<StateAt> {
  const { entries } = await back.scan(recordsOf(name), { after: undefined, limit: 1, reverse: false })
  if (unusable.length > 0 || entries.length > 0) {
    const why = unusable.map(({ error }) => error.message).join('; ') || 'there is none'
    // Of the newest one that may be whole, as that is the one to be read by other means.
    const cause = unusable.find(({ error }) => error.mayBeWhole)?.error
    throw new CorruptError(`${name} has a journal, but no snapshot that it could be replayed over: ${why}`, {
      key: name,
      cause,
    })
  }
  const value: unknown = typeof initial === 'function' ? (initial as () => unknown)() : initial
  const root = new Scope(new Owned()).settled(storable(value, 'initial', 0))
  const state: StateAt = { root, hash: StateHash.of(root), number: 0, at: 0 }
  await writer.ensure()
  // Before the snapshot: who was stopped while he made an `initial` of his own learns that this one is another's.
  await head.establish(0, writer)
  await snapshots.take(state, writer)
  return state
}
