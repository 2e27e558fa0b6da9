import { CorruptError } from '@tidemark/core'
import { Owned } from '../draft/owned.ts'
import { Scope } from '../draft/scope.ts'
import { StateHash } from '../draft/state-hash.ts'
import { storable } from '../draft/storable.ts'
import type { JournalHead } from '../journal/journal-head.ts'
import { recordsOf } from '../journal/journal-keys.ts'
import type { WriterLease } from '../journal/writer-lease.ts'
import type { Snapshots, StateAt } from '../snapshot/snapshots.ts'
import type { ResolvedOptions } from './options.ts'

export interface StartUpParts {
  readonly options: ResolvedOptions
  readonly snapshots: Snapshots
  readonly writer: WriterLease
  readonly head: JournalHead
}

/** A snapshot that was passed over: the one before it comes to the same, with more of the journal. */
export interface Unusable {
  readonly number: number
  readonly error: CorruptError
}

/** What the journal is replayed over. */
export interface Beginning {
  /** Nobody else has it: it may be changed where it is. */
  readonly start: StateAt
  readonly unusable: readonly Unusable[]
  /** No snapshot could be used, and the journal has all: the first transaction tells whether `initial` is what it was. */
  readonly isRescued: boolean
}

/** The newest snapshot that can be used; where there is none at all, and no journal, `initial`, which is stored as one. */
export async function beginning(parts: StartUpParts): Promise<Beginning> {
  const { options, snapshots } = parts
  const unusable: Unusable[] = []
  const start = await newest(snapshots, unusable)
  if (start !== undefined) return { start, unusable, isRescued: false }
  const first = await firstRecord(parts)
  if (first === undefined && unusable.length === 0) return { start: await begun(parts), unusable, isRescued: false }
  const isRescued = options.keepJournal === 'all' && first === 1 && unusable.length > 0
  if (!isRescued || unusable.some(({ error }) => error.mayBeWhole)) throw withoutSnapshot(options.name, unusable)
  return { start: initialState(options), unusable, isRescued }
}

async function newest(snapshots: Snapshots, unusable: Unusable[]): Promise<StateAt | undefined> {
  for (const number of (await snapshots.numbers()).toReversed()) {
    try {
      return await snapshots.load(number)
    } catch (error) {
      if (!(error instanceof CorruptError)) throw error
      unusable.push({ number, error })
    }
  }
  return undefined
}

/** The number of the oldest one. */
async function firstRecord({ options: { back, name } }: StartUpParts): Promise<number | undefined> {
  const { entries } = await back.scan(recordsOf(name), { after: undefined, limit: 1, reverse: false })
  return entries[0]?.key.tuple.at(-1) as number | undefined
}

/** Stored before the first transaction: the journal is that of this state, whatever `initial` becomes in the code. */
async function begun({ options, snapshots, writer, head }: StartUpParts): Promise<StateAt> {
  const missing = head.missingBehind(0)
  if (missing !== undefined) throw missing
  const state = initialState(options)
  await writer.ensure()
  // Before the snapshot: who was stopped while he made an `initial` of his own learns that this one is another's.
  await head.claim(0, writer)
  await snapshots.take(state, writer)
  return state
}

function initialState({ initial }: ResolvedOptions): StateAt {
  const value: unknown = typeof initial === 'function' ? (initial as () => unknown)() : initial
  const root = new Scope(new Owned()).settled(storable(value, 'initial', 0))
  return { root, hash: StateHash.of(root), number: 0, at: 0 }
}

function withoutSnapshot(name: string, unusable: readonly Unusable[]): CorruptError {
  const why = unusable.map(({ error }) => error.message).join('; ') || 'there is none'
  // Of the newest one that may be whole, as that is the one to be read by other means.
  const cause = unusable.find(({ error }) => error.mayBeWhole)?.error
  const message = `${name} has a journal, but no snapshot that it could be replayed over: ${why}`
  return new CorruptError(message, { key: name, cause })
}
