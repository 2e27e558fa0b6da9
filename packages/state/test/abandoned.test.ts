import { type Back, createCborCodec, type Key, Store } from '@tidemark/core'
import { encrypted } from '@tidemark/codecs'
import { ShiftedClock } from '@tidemark/testkit'
import { expect, test } from 'vitest'
import { prevalent, type Transaction } from '../src/index.ts'
import { mortalBack } from './support/mortal-back.ts'
import { openTemp, tempFile } from './support/temp.ts'

interface Log {
  readonly log: string[]
}

const options = {
  name: 'p',
  initial: (): Log => ({ log: [] }),
  transactions: { add: ({ state }: Transaction<Log>, text: string) => void state.log.push(text) },
  snapshotEvery: 0,
  leaseMs: 60_000,
}

const key = (id: number) => ({ id, key: new Uint8Array(32).fill(id) })

/** A file, and who opens it with these keys, the last one to write with. */
function keyed() {
  const file = tempFile()
  const clock = new ShiftedClock()
  const backOf = (...ids: number[]): Back => {
    const codec = encrypted(createCborCodec(), { keys: ids.map(key), current: ids.at(-1)! })
    return openTemp({ file, clock, codec }).back
  }
  const open = (back: Back, more: object = {}) => prevalent({ ...options, store: back, ...more })
  const added = async (back: Back, texts: readonly string[], isTaken = false): Promise<void> => {
    await using db = await open(back)
    for (const text of texts) await db.execute('add', text)
    if (isTaken) await db.snapshot()
  }
  const opened = async (back: Back): Promise<unknown> => {
    await using db = await open(back)
    return [db.state.log, db.number, db.recovery.dropped]
  }
  return { backOf, open, added, opened, afterTheLease: () => clock.step(61_000) }
}

const before = ['a1', 'a2', 'a3', 'a4']
const after = ['a5', 'a6', 'a7', 'a8']

test('a snapshot that others can read, of more than the journal can be replayed to: nobody goes on without it by himself', async () => {
  const { backOf, open, added, opened } = keyed()
  await added(backOf(1), [...before, ...after])
  await added(backOf(1, 2), [], true)
  // The mark of who has written last can be read with one key, too.
  await added(backOf(2, 1), ['a9'])
  await new Store(backOf(1)).set(['p', 'journal', 5], 'torn')
  await expect(open(backOf(1))).rejects.toMatchObject({ code: 'KEY_MISSING', mayBeWhole: true, key: 'p' })
  expect(await opened(backOf(1, 2))).toEqual([[...before, ...after, 'a9'], 9, []])
})

test(
  'gone on without it, at any step of which a process can die, it never comes back',
  { timeout: 120_000 },
  async () => {
    for (let lives = 0; ; lives++) {
      let hasDied = false
      for (const isLastDone of [true, false]) {
        const { backOf, open, added, opened, afterTheLease } = keyed()
        await added(backOf(1), before)
        await added(backOf(1, 2), after, true)
        const { back, writes } = mortalBack(backOf(1), lives, isLastDone)
        await open(back, { recover: 'last-good' }).then(
          (db) => db.close(),
          () => {},
        )
        hasDied ||= writes() > lives
        afterTheLease()
        const store = new Store(backOf(1))
        {
          await using db = await open(backOf(1), { recover: 'last-good' })
          expect(db.state.log).toEqual(before)
          for (const { what, movedTo } of db.recovery.dropped) {
            if (what === 'snapshot') expect(await store.get(movedTo as Key)).toBeInstanceOf(Uint8Array)
          }
          // Under the very numbers.
          for (const text of ['b5', 'b6', 'b7', 'b8']) await db.execute('add', text)
          await db.snapshot()
        }
        const log = [...before, 'b5', 'b6', 'b7', 'b8']
        for (const ids of [[1], [1, 2]]) expect(await opened(backOf(...ids))).toEqual([log, 8, []])
        const kept = await Array.fromAsync(store.keys({ prefix: ['p', 'dropped'] }))
        expect(kept.filter((at) => at[3] === 'snapshot' && at.length === 5)).toHaveLength(1)
        expect(kept.filter((at) => at[3] === 'snapshot' && at.length === 6).length).toBeGreaterThan(0)
      }
      if (!hasDied) {
        expect(lives).toBeGreaterThan(5)
        return
      }
    }
  },
)
