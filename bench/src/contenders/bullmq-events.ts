import { openBullmq } from '@tidemark/bench-peers/bullmq'
import type { Place, Subject } from '../runner/case.ts'
import { type Item, itemOf } from '../workload/item.ts'
import { sumOf } from './consumed-events.ts'
import { openRawSqlite } from './raw-sqlite.ts'

export interface BullmqEventsOptions {
  /** Of a round. */
  readonly events: number
  readonly concurrency: number
  /** The jobs that are worked on at once share a transaction, and so a synchronised write; otherwise each has its own. */
  readonly grouped: boolean
}

const UPSERT = `INSERT INTO effect (id, n) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET n = excluded.n`

/** A worker that writes one row per job. How far the queue is and what was written are two things: at least once. */
export async function bullmqEvents(
  place: Place,
  { events, concurrency, grouped }: BullmqEventsOptions,
): Promise<Subject> {
  const db = openRawSqlite(place.folder)
  db.exec('CREATE TABLE effect (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)')
  const upsert = db.prepare(UPSERT)
  const writeAll = db.transaction((items: readonly Item[]) => {
    for (const { id, n } of items) upsert.run(id, n)
  })
  const queue = openBullmq<Item>(
    place.redisUrl,
    { concurrency },
    grouped ? inGroups((items) => writeAll.immediate(items)) : (item) => writeAll.immediate([item]),
  )
  let added = 0
  return {
    async prepare() {
      await queue.add(Array.from({ length: events }, (_, item) => itemOf(item, added + item)))
      added += events
    },
    async run(times) {
      if (times !== events) throw new Error(`${events} jobs are there, not ${times}`)
      await queue.workOff(times)
    },
    async notes() {
      const [count, sum] = db.prepare('SELECT count(*), sum(n) FROM effect').raw().get() as [number, number]
      const expected = sumOf(added - events, events)
      if (count !== events || sum !== expected) throw new Error(`${count} effects make ${sum}, not ${expected}`)
      return {}
    },
    async close() {
      await queue.close()
      db.close()
    },
  }
}

/** What comes in one turn of the event loop is written at its end, together. */
function inGroups(writeAll: (items: readonly Item[]) => void): (item: Item) => Promise<void> {
  let group: Item[] = []
  let written = Promise.withResolvers<void>()
  const flush = (): void => {
    const [items, done] = [group, written]
    group = []
    written = Promise.withResolvers()
    try {
      writeAll(items)
      done.resolve()
    } catch (error) {
      done.reject(error)
    }
  }
  return (item) => {
    if (group.length === 0) setImmediate(flush)
    group.push(item)
    return written.promise
  }
}
