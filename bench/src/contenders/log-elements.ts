import { Encoder } from 'cbor-x'
import type { Place, Subject } from '../runner/case.ts'
import { type Item, itemOf } from '../workload/item.ts'
import { openTidemark } from './open-tidemark.ts'
import { inBatches, openRawSqlite } from './raw-sqlite.ts'

/** Elements per commit, and rows per transaction, while a log is filled. */
const BATCH = 1_000

/** All elements of one log, by its iterator. */
export async function tidemarkElements(place: Place, elements: number): Promise<Subject> {
  const store = await openTidemark(place)
  const log = store.log<Item>('log')
  for (let from = 0; from < elements; from += BATCH) await log.appendMany(items(from, Math.min(BATCH, elements - from)))
  const read = async (): Promise<void> => {
    const seen = new Sum()
    for await (const { n } of log) seen.add(n)
    seen.assertAll(elements)
  }
  return { run: read, check: read, close: () => store.close() }
}

/** By hand: a row per element, iterated by the driver, and decoded. */
export function rawElements({ folder }: Place, elements: number): Subject {
  const db = openRawSqlite(folder)
  db.exec('CREATE TABLE element (log TEXT NOT NULL, seq INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (log, seq))')
  const insert = db.prepare("INSERT INTO element VALUES ('log', ?, ?)")
  const codec = new Encoder({ useRecords: false })
  inBatches(db, elements, BATCH, (number) => insert.run(number + 1, codec.encode(itemOf(number, number))))
  db.pragma('wal_checkpoint(TRUNCATE)')
  const select = db.prepare("SELECT value FROM element WHERE log = 'log' ORDER BY seq").pluck()
  const read = async (): Promise<void> => {
    const seen = new Sum()
    for (const bytes of select.iterate()) seen.add((codec.decode(bytes as Buffer) as Item).n)
    seen.assertAll(elements)
  }
  return { run: read, check: read, close: async () => void db.close() }
}

function items(from: number, count: number): readonly Item[] {
  return Array.from({ length: count }, (_, i) => itemOf(from + i, from + i))
}

/** Of the numbers of what was read. */
class Sum {
  #sum = 0

  add(n: number): void {
    this.#sum += n
  }

  /** @throws when it were not all, each once */
  assertAll(count: number): void {
    if (this.#sum !== (count * (count - 1)) / 2) throw new Error(`what was read makes ${this.#sum}`)
  }
}
