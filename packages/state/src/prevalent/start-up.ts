import { CorruptError } from '@tidemark/core'
import { isDamage } from '../journal/damage.ts'
import { type Dropped, putAside } from '../journal/dropped.ts'
import type { JournalHead } from '../journal/journal-head.ts'
import { JournalReader } from '../journal/journal-reader.ts'
import { type Beginning, beginning, type StartUpParts, type Unusable } from './beginning.ts'
import type { Memory } from './memory.ts'
import type { Recovery } from './recovery.ts'
import { putSnapshotAside } from '../snapshot/aside.ts'
import { type Replayed, replay, type Stop } from './replay.ts'

/** The state as the newest good snapshot and the journal behind it tell it. */
export async function startUp(parts: StartUpParts): Promise<{ readonly memory: Memory; readonly recovery: Recovery }> {
  const { options, snapshots, writer, head } = parts
  const { back, name } = options
  const { begin, memory, stop } = await replayed(parts)
  memory.committed(memory.groupEnded())
  await writer.ensure()
  // Not before all the rest has turned out well. What others may be able to read stays.
  const damaged = begin.unusable.filter(({ error }) => isDamage(error)).map(({ number }) => number)
  if (damaged.length > 0) await head.claim(memory.durable.number, writer)
  if (begin.isRescued) await snapshots.take(memory.durable, writer, damaged)
  else if (damaged.length > 0) await snapshots.drop(damaged, writer)
  const { number: last } = memory.durable
  const dropped: Dropped[] = []
  for (const each of begin.unusable) {
    const { number, error } = each
    // Before the records: they tell that there was something, until nothing is left of it that could come back.
    const movedTo = isBehind(last, each)
      ? await putSnapshotAside({ ...options, writer, head }, number, last)
      : undefined
    dropped.push({ number, what: 'snapshot', reason: error.message, movedTo })
  }
  if (stop !== undefined) {
    const records = await new JournalReader(back, name).behind(last)
    const reason = stop.error.message
    dropped.push(...(await putAside({ ...options, writer, head }, records, { last, reason })))
    if (records.length === 0) dropped.push({ number: stop.number, what: 'journal', reason, movedTo: undefined })
  }
  await head.establish(last, writer)
  if (await snapshots.isUnclean()) {
    // Before: who has left it may not be dead, but stopped, and must not go on where he was.
    if (!head.isOwn) await head.claim(last, writer)
    await snapshots.collect(writer)
  }
  const { number: first } = begin.start
  return {
    memory,
    recovery: Object.freeze({ snapshot: first, replayed: last - first, dropped: Object.freeze(dropped) }),
  }
}

/** @throws the error that the replay has stopped with, unless what follows is put aside */
async function replayed(parts: StartUpParts): Promise<Replayed & { readonly begin: Beginning }> {
  const { options, head } = parts
  const begin = await beginning(parts)
  const first = await replay(options, begin.start, undefined)
  const { memory } = first
  const stop = maybeWhole(options.name, begin, first) ?? first.stop ?? missing(head, memory)
  if (stop === undefined || stop.isDamage) return { begin, memory, stop }
  // Of a state that was made of what `initial` is now, nothing tells that it ever was.
  if (options.recover !== 'last-good' || (begin.isRescued && stop.number === 1)) throw stop.error
  // What the transaction has changed, it has changed where it is.
  const again = await beginning(parts)
  return { begin: again, memory: (await replay(options, again.start, stop.number - 1)).memory, stop }
}

/**
 * A snapshot of what the journal cannot be replayed to, which may be whole: that is the state, for whoever can read it. To go on
 * without it is to be said.
 */
function maybeWhole(name: string, { unusable }: Beginning, { memory, stop }: Replayed): Stop | undefined {
  if (stop !== undefined && !stop.isDamage) return undefined
  const last = memory.tip.number
  const behind = unusable.find((each) => isBehind(last, each))
  if (behind === undefined) return undefined
  const message = `${name} has a snapshot after transaction ${behind.number}, and a journal that ends with ${last}: ${behind.error.message}`
  const error = new CorruptError(message, { key: name, cause: behind.error, mayBeWhole: true })
  return { number: last + 1, error, isDamage: false }
}

/** One that stays, of what others may be able to read. */
function isBehind(last: number, { number, error }: Unusable): boolean {
  return number > last && !isDamage(error)
}

function missing(head: JournalHead, { tip: { number: last } }: Memory): Stop | undefined {
  const error = head.missingBehind(last)
  return error && { number: last + 1, error, isDamage: false }
}
