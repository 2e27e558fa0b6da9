import { join } from 'node:path'
import { createCborCodec, Payload } from '@tidemark/core'
import Database from 'better-sqlite3'
import type { Place, Subject } from '../runner/case.ts'
import type { Item } from '../workload/item.ts'
import { logItems } from './logged-items.ts'
import { openTidemark } from './open-tidemark.ts'

/** As of the stream, by default. */
const PAGE = 500
const MB = 1_000_000

export interface ReplaysOptions {
  /** A multiple of {@link PAGE}, so that every page is a whole one. */
  readonly events: number
  /** Whether the values are decoded, too. */
  readonly values: boolean
}

/**
 * Goes on from where it was, and begins anew when it has come to the end: what was read last is then held no more.
 * @returns of the values, the sum of what tells them apart, which is known beforehand
 */
type Read = (events: number) => Promise<number>

/** The change stream of a store. */
export async function tidemarkReplay(place: Place, { events, values }: ReplaysOptions): Promise<Subject> {
  const store = await openTidemark(place, { near: false })
  await logItems(store, events)
  let position: string | undefined
  const read: Read = async (wanted) => {
    let left = wanted
    let sum = 0
    while (left > 0) {
      for await (const { changes, token, head } of store.changes<Item>({ after: position, from: 'start' })) {
        if (values) for (const change of changes) sum += change.op === 'set' ? change.value.n : 0
        left -= changes.length
        const isEnd = changes.at(-1)!.seq === head
        position = isEnd ? undefined : token
        if (left <= 0 || isEnd) break
      }
    }
    return sum
  }
  return replayOf(read, events, values, () => store.close())
}

/** The same file, read by hand: rows of the log in pages as large, as arrays; values decoded with the same codec. */
export async function rawReplay(place: Place, { events, values }: ReplaysOptions): Promise<Subject> {
  const store = await openTidemark(place, { near: false })
  await logItems(store, events)
  // Before the file is opened once more: closing any descriptor of it ends the locks of all others in this process.
  await store.close()
  const db = new Database(join(place.folder, 'store.db'), { readonly: true })
  const codec = createCborCodec()
  const page = db
    .prepare('SELECT seq, key, op, prev_version, at, origin, value FROM log WHERE seq > ? ORDER BY seq LIMIT ?')
    .raw()
  let after = 0
  const read: Read = async (wanted) => {
    let left = wanted
    let sum = 0
    while (left > 0) {
      const rows = page.all(after, PAGE) as (readonly [number, Buffer, number, number, number, string, Buffer])[]
      if (values) for (const row of rows) sum += (Payload.fromBytes(codec, row[6]).decode() as Item).n
      left -= rows.length
      after = rows.length < PAGE ? 0 : rows.at(-1)![0]
    }
    return sum
  }
  return replayOf(read, events, values, async () => void db.close())
}

function replayOf(read: Read, events: number, values: boolean, close: () => Promise<void>): Subject {
  return {
    async run(times) {
      await read(times)
    },
    async check() {
      // From wherever it stands, all of them once.
      const sum = await read(events)
      const expected = values ? (events * (events - 1)) / 2 : 0
      if (sum !== expected) throw new Error(`the values that were read make ${sum}, not ${expected}`)
    },
    // The kernel's own high-water mark, in KiB; of whoever filled the log, too.
    notes: async () => ({ 'peak RSS, MB': Math.round((process.resourceUsage().maxRSS * 1024) / MB) }),
    close,
  }
}
