import type { CorruptError } from '@tidemark/core'
import { isDamage } from '../journal/damage.ts'
import { type Dropped, putAside } from '../journal/dropped.ts'
import type { JournalHead } from '../journal/journal-head.ts'
import { JournalReader } from '../journal/journal-reader.ts'
import { type Beginning, beginning, type StartUpParts } from './beginning.ts'
import type { Memory } from './memory.ts'
import type { Recovery } from './recovery.ts'
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
  const dropped: Dropped[] = begin.unusable.map(({ number, error }) => ({
    number,
    what: 'snapshot',
    reason: error.message,
    movedTo: undefined,
  }))
  const { number: last } = memory.durable
  if (stop !== undefined) {
    const records = await new JournalReader(back, name).behind(last)
    const reason = stop.error.message
    dropped.push(...(await putAside({ ...options, writer, head }, records, { last, reason })))
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
  const stop = first.stop ?? missing(head, first.memory)
  const { memory } = first
  if (stop === undefined || stop.isDamage) return { begin, memory, stop }
  // Of a state that was made of what `initial` is now, nothing tells that it ever was.
  if (options.recover !== 'last-good' || (begin.isRescued && stop.number === 1)) throw stop.error
  // What the transaction has changed, it has changed where it is.
  const again = await beginning(parts)
  return { begin: again, memory: (await replay(options, again.start, stop.number - 1)).memory, stop }
}

function missing(head: JournalHead, { tip: { number: last } }: Memory): Stop | undefined {
  try {
    head.assertReached(last)
    return undefined
  } catch (error) {
    return { number: last + 1, error: error as CorruptError, isDamage: false }
  }
}
