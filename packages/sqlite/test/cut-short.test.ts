import { copyFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { ALL_KEYS, type Commit, Store } from '@tidemark/core'
import { SeededRandom } from '@tidemark/testkit'
import type BetterSqlite3 from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { createSqliteBack } from '../src/index.ts'
import { tempFolder } from './support/temp.ts'

const Database = createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite3

// What a process does to its files it does in steps: pages are appended to the write-ahead log, one by one, and copied from
// there into the file. Killed between two steps, or in the middle of one, it leaves what is made here from copies, for every
// moment that is drawn: an exact state is expected of each, as it is known which commits were acknowledged by then.

const SEEDS = Array.from({ length: 100 }, (_, i) => i + 1)
const timeout = 300_000

/** By key id: version and value, and the seqs of the log. */
interface State {
  readonly entries: ReadonlyMap<string, readonly [number, unknown]>
  readonly head: number
}

interface Moment extends State {
  /** How far the write-ahead log reached when these were acknowledged. */
  readonly walBytes: number
}

const EMPTY: State = { entries: new Map(), head: 0 }

/** Opens a copy, as the next process does, and checks that values and log say the same. */
async function recovered(file: string): Promise<State> {
  const back = createSqliteBack({ file, synchronous: 'normal' })
  try {
    const { entries } = await back.scan(ALL_KEYS, { after: undefined, limit: 100_000, reverse: false })
    const state = new Map(entries.map(({ key, version, payload }) => [key.id, [version, payload.read()] as const]))
    const replayed: State['entries'] & Map<string, readonly [number, unknown]> = new Map()
    let head = 0
    for (const { seq, op, key, payload, last } of (await back.log.read({ after: 0, limit: 100_000 })).changes) {
      expect(seq).toBe(++head)
      expect(last).toBeGreaterThanOrEqual(seq)
      if (op === 'set') replayed.set(key.id, [seq, payload!.read()])
      else replayed.delete(key.id)
    }
    expect(state).toEqual(replayed)
    // It is a whole store: it can be written to.
    expect((await new Store(back).set('after', 1)).version).toBe(head + 1)
    return { entries: state, head }
  } finally {
    await back.close()
  }
}

/** A process at work: what it has acknowledged, commit by commit, with the length of its write-ahead log then. */
async function atWork(
  random: SeededRandom,
  use: (files: { readonly file: string; readonly wal: string }, moments: readonly Moment[]) => Promise<void>,
): Promise<void> {
  const file = join(tempFolder(), 'store.db')
  const wal = `${file}-wal`
  const back = createSqliteBack({ file, synchronous: 'normal' })
  const moments: Moment[] = [{ ...EMPTY, walBytes: statSync(wal).size }]
  back.onCommit((commits) => {
    const walBytes = statSync(wal).size
    // One transaction, however many commits share it.
    moments.push({ ...commits.reduce(applied, moments.at(-1)!), walBytes })
  })
  const store = new Store(back)
  try {
    for (let step = 0; step < 10; step++) await write(store, random)
    await use({ file, wal }, moments)
  } finally {
    await store.close()
  }
}

function applied({ entries }: State, { changes, asOf }: Commit): State {
  const next = new Map(entries)
  for (const { seq, op, key, payload } of changes) {
    if (op === 'set') next.set(key.id, [seq, payload!.read()])
    else next.delete(key.id)
  }
  return { entries: next, head: asOf }
}

/** Any write; some of many pages. */
async function write(store: Store, random: SeededRandom): Promise<void> {
  const key = (): readonly [string, number] => ['k', random.between(0, 5)]
  const value = (): unknown => ({
    n: random.between(0, 999),
    text: 'x'.repeat(random.between(0, 3) === 0 ? 9_000 : 20),
  })
  switch (random.between(0, 6)) {
    case 0:
      return void (await store.update<{ n: number }>(key(), (old) => ({ ...old, n: (old?.n ?? 0) + 1 })))
    case 1:
      return void (await store.setMany(Array.from({ length: 8 }, (_, i) => [['k', i], value()] as const)))
    case 2:
      return void (await store.deleteMany([key(), key(), key()]))
    case 3:
      return void (await store.log('l').appendMany([value(), value()]))
    case 4:
      return void (await store.transaction(async (tx) => {
        const seen = await tx.get(key())
        tx.set(key(), { seen: seen !== undefined })
        tx.delete(key())
      }))
    case 5:
      return void (await Promise.all([store.set(key(), value()), store.set(key(), value()), store.delete(key())]))
    default:
      return void (await store.set(key(), value()))
  }
}

const FRAME_HEAD = 24

describe('a process that is killed', () => {
  test(
    'at each step of its writes: each commit is there whole or not at all, and those that were acknowledged are',
    { timeout },
    async () => {
      let cuts = 0
      for (const seed of SEEDS) {
        const random = new SeededRandom(seed)
        await atWork(random, async ({ file, wal }, moments) => {
          const folder = tempFolder()
          const length = statSync(wal).size
          const frame = FRAME_HEAD + readFileSync(wal).readUInt32BE(8)
          const at = 1 + random.between(0, moments.length - 2)
          const [from, to] = [moments[at - 1]!.walBytes, moments[at]!.walBytes]
          const drawn = new Set([to, length, random.between(0, length - 1)])
          // Steps of one transaction, the first and the last among them: between two pages, and in the middle of one.
          const pages = (to - from) / frame
          for (const page of new Set([0, 1, random.between(0, pages - 1), pages - 1])) {
            const step = from + page * frame
            drawn.add(step).add(step + 1 + random.between(0, frame - 2))
          }
          for (const cut of drawn) {
            const copy = join(folder, `${cut}.db`)
            copyFileSync(file, copy)
            copyFileSync(wal, `${copy}-wal`)
            truncateSync(`${copy}-wal`, cut)
            const expected = moments.findLast(({ walBytes }) => walBytes <= cut) ?? EMPTY
            const { entries, head } = await recovered(copy)
            expect({ seed, cut, head, entries }).toEqual({ seed, cut, head: expected.head, entries: expected.entries })
            cuts += 1
          }
        })
      }
      expect(cuts).toBeGreaterThan(SEEDS.length * 6)
    },
  )

  test('at each step in which its log is copied into the file: everything is there', { timeout }, async () => {
    for (const seed of SEEDS) {
      const random = new SeededRandom(seed)
      await atWork(random, async ({ file, wal }, moments) => {
        const [before, log] = [readFileSync(file), readFileSync(wal)]
        const db = new Database(file)
        db.pragma('wal_checkpoint(PASSIVE)')
        db.close()
        const after = readFileSync(file)
        const page = log.readUInt32BE(8)
        // Pages are copied in any order, and the last one may have been copied in part.
        const mixed = Buffer.alloc(after.length)
        before.copy(mixed)
        for (let start = 0; start < after.length; start += page) {
          const bytes = [0, page, page, 1 + random.between(0, page - 2)][random.between(0, 3)]!
          after.copy(mixed, start, start, start + bytes)
        }
        const copy = join(tempFolder(), 'copy.db')
        writeFileSync(copy, mixed)
        writeFileSync(`${copy}-wal`, log)
        const { entries, head } = await recovered(copy)
        const last = moments.at(-1)!
        expect({ seed, head, entries }).toEqual({ seed, head: last.head, entries: last.entries })
      })
    }
  })
})

test('a write-ahead log with a flipped bit gives the commits before it, and nothing else', { timeout }, async () => {
  for (const seed of SEEDS) {
    const random = new SeededRandom(seed)
    await atWork(random, async ({ file, wal }, moments) => {
      const copy = join(tempFolder(), 'copy.db')
      copyFileSync(file, copy)
      const bytes = readFileSync(wal)
      const [{ walBytes: from }] = moments as [Moment]
      const at = from + random.between(0, bytes.length - from - 1)
      bytes[at]! ^= 1 << random.between(0, 7)
      writeFileSync(`${copy}-wal`, bytes)
      const expected = moments.findLast(({ walBytes }) => walBytes <= at)!
      const { entries, head } = await recovered(copy)
      expect({ seed, head, entries }).toEqual({ seed, head: expected.head, entries: expected.entries })
    })
  }
})
