import { Payload, reservedKey, type Store } from '@tidemark/core'
import type { SqliteBack } from '@tidemark/sqlite'
import { describe, expect, test } from 'vitest'
import { drop, journal, prevalent, type Transaction } from '../src/index.ts'
import { bank, transactions } from './support/bank.ts'
import { openTemp } from './support/temp.ts'

const options = { name: 'bank', initial: bank, transactions, leaseMs: 500, snapshotEvery: 0 }
const notes = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i + 1}`)

/** The first ones share a record. */
async function filled(store: Store, count: number, more: object = {}): Promise<void> {
  await using db = await prevalent({ store, ...options, ...more })
  await Promise.all(['1', '2', '3'].map((text) => db.execute('note', { text })))
  for (const text of notes(count).slice(3)) await db.execute('note', { text })
}

const CORRUPT = { code: 'CORRUPT', message: expect.stringContaining("recover: 'last-good'") }

describe('a journal that something else has removed', () => {
  const removals: readonly (readonly [string, (store: Store) => Promise<unknown>, left: number])[] = [
    ['as a whole, by a sweep', (store) => store.sweep({ before: Date.now() + 1_000 }), 0],
    ['as a whole, by clear()', (store) => store.clear(), 0],
    ['at its end', (store) => store.delete(['bank', 'journal', 6]), 5],
  ]
  test.each(removals)('%s, is an error, and changes nothing, until it is said to be done without', async (...given) => {
    const [, remove, left] = given
    const { store } = openTemp()
    await filled(store, 6)
    await remove(store)
    for (let i = 0; i < 2; i++) await expect(prevalent({ store, ...options })).rejects.toMatchObject(CORRUPT)
    await expect(journal({ store, name: 'bank', leaseMs: 500 })).rejects.toMatchObject(CORRUPT)
    {
      await using db = await prevalent({ store, ...options, recover: 'last-good' })
      expect(db.state.log).toEqual(notes(left))
      expect(db.recovery.dropped).toEqual([
        { number: left + 1, what: 'journal', reason: expect.stringContaining('acknowledged'), movedTo: undefined },
      ])
      await db.execute('note', { text: 'after' })
    }
    await using again = await prevalent({ store, ...options })
    expect([again.state.log, again.recovery.dropped]).toEqual([[...notes(left), 'after'], []])
  })

  test('while it was open, and was written on: what was written since is not put aside unasked', async () => {
    const { store } = openTemp()
    {
      await using db = await prevalent({ store, ...options })
      await db.execute('note', { text: '1' })
      await store.clear()
      await db.execute('note', { text: '2' })
    }
    await expect(prevalent({ store, ...options })).rejects.toMatchObject(CORRUPT)
    await using db = await prevalent({ store, ...options, recover: 'last-good' })
    expect([db.state.log, db.recovery.dropped]).toMatchObject([[], [{ number: 2, what: 'journal' }]])
  })

  test('is done without what says how long it was, too, where that cannot be read', async () => {
    const { store, back } = openTemp()
    await filled(store, 4)
    const key = reservedKey('state', 'journal-head', 'bank')
    await back.marks.write([{ key, value: Payload.fromBytes(back.codec, Uint8Array.of(9, 1, 1)) }])
    await expect(prevalent({ store, ...options })).rejects.toMatchObject({ code: 'CORRUPT', mayBeWhole: true })
    await (await prevalent({ store, ...options, recover: 'last-good' })).close()
    await using db = await prevalent({ store, ...options })
    expect(db.state.log).toEqual(notes(4))
  })

  test('can be dropped, and begun anew', async () => {
    const { store } = openTemp()
    await filled(store, 4)
    await store.clear()
    await drop(store, 'bank')
    await using db = await prevalent({ store, ...options })
    expect([db.state, db.number]).toEqual([bank(), 0])
  })

  test('of a journal on its own, as well', async () => {
    const { store } = openTemp()
    {
      await using log = await journal({ store, name: 'work', leaseMs: 500 })
      for (const n of [1, 2, 3]) await log.record('add', n)
    }
    await store.delete(['work', 'journal', 3])
    await expect(journal({ store, name: 'work', leaseMs: 500 })).rejects.toMatchObject(CORRUPT)
    await using log = await journal({ store, name: 'work', leaseMs: 500, recover: 'last-good' })
    expect(log.dropped).toMatchObject([{ number: 3, what: 'journal', movedTo: undefined }])
    expect(await log.record('add', 3)).toBe(3)
  })
})

describe('what cannot be replayed is done without when that is wanted', () => {
  test('where it diverges, also in the middle of a record: the state is the last good one, and nothing is lost', async () => {
    const { store } = openTemp()
    await filled(store, 5)
    const changed = {
      ...transactions,
      note({ state }: Transaction<ReturnType<typeof bank>>, { text }: { text: string }) {
        state.log.push(text === '3' ? 'three' : text)
      },
    }
    const given = { store, ...options, transactions: changed }
    await expect(prevalent(given)).rejects.toMatchObject({ code: 'STATE_DIVERGED' })
    {
      await using db = await prevalent({ ...given, recover: 'last-good' })
      expect([db.state.log, db.number]).toEqual([notes(2), 2])
      const { dropped } = db.recovery
      expect(dropped.map(({ number }) => number)).toEqual([3, 4, 5])
      expect(dropped[0]!.reason).toContain('transaction 3 of bank')
      expect(await store.get(dropped[0]!.movedTo!)).toMatchObject({ first: 1, transactions: { length: 3 } })
      await db.execute('note', { text: '3' })
    }
    await using again = await prevalent(given)
    expect([again.state.log, again.number, again.recovery.dropped]).toEqual([[...notes(2), 'three'], 3, []])
  })

  test('where its function is not given any more', async () => {
    const { store } = openTemp()
    await filled(store, 4)
    {
      await using db = await prevalent({ store, ...options })
      await db.execute('put', 'ada', 1)
    }
    const others: Partial<typeof transactions> = { ...transactions }
    delete others.put
    await using db = await prevalent({
      store,
      ...options,
      transactions: others as typeof transactions,
      recover: 'last-good',
    })
    expect([db.state.log, db.recovery.dropped.length]).toEqual([notes(4), 1])
  })

  test('and what was put aside before stays there, whatever the clock says', async () => {
    const { store } = openTemp()
    const stuck = { ...(await import('@tidemark/core')).systemClock, now: () => 1_000 }
    for (let round = 0; round < 3; round++) {
      await using db = await prevalent({ store, ...options, clock: stuck })
      await db.execute('note', { text: 'x' })
      await db.close()
      await store.set(['bank', 'journal', 1], `torn ${round}`)
    }
    await using db = await prevalent({ store, ...options, clock: stuck })
    expect(db.number).toBe(0)
    const dropped = await Array.fromAsync(store.entries({ prefix: ['bank', 'dropped'] }))
    expect(dropped.map(({ value }) => value)).toEqual(['torn 0', 'torn 1', 'torn 2'])
  })
})

describe('snapshots that are all damaged, where the journal has all', () => {
  const head = (number: number) => reservedKey('state', 'snapshot', 'bank', number)
  const part = (number: number) => reservedKey('state', 'snapshot-part', 'bank', number, 0)

  async function damaged(back: SqliteBack, numbers: readonly number[]): Promise<void> {
    const value = Payload.encode(back.codec, 'torn')
    await back.marks.write(numbers.flatMap((number) => [head(number), part(number)].map((key) => ({ key, value }))))
  }

  test.each([1, 2])('the state is made of it, and there is a snapshot again; %d are kept', async (keepSnapshots) => {
    const { store, back } = openTemp()
    const all = { ...options, keepJournal: 'all', keepSnapshots } as const
    await filled(store, 4, all)
    {
      await using db = await prevalent({ store, ...all })
      await db.snapshot()
    }
    await damaged(back, keepSnapshots === 1 ? [4] : [0, 4])
    const other = { ...all, initial: () => ({ ...bank(), log: ['another'] }) }
    await expect(prevalent({ store, ...other })).rejects.toMatchObject({ code: 'STATE_DIVERGED' })
    await expect(prevalent({ store, ...other, recover: 'last-good' })).rejects.toMatchObject({ code: 'STATE_DIVERGED' })
    {
      await using db = await prevalent({ store, ...all })
      expect([db.state.log, db.recovery.snapshot, db.recovery.replayed]).toEqual([notes(4), 0, 4])
      expect(db.recovery.dropped.map(({ number }) => number)).toEqual(keepSnapshots === 1 ? [4] : [4, 0])
      await db.execute('note', { text: '5' })
    }
    await using again = await prevalent({ store, ...all })
    expect([again.state.log, again.recovery]).toEqual([notes(5), { snapshot: 4, replayed: 1, dropped: [] }])
  })

  test('and is an error where it has not: nothing says what `initial` was', async () => {
    const { store, back } = openTemp()
    const all = { ...options, keepJournal: 'all' } as const
    await (await prevalent({ store, ...all })).close()
    await damaged(back, [0])
    await expect(prevalent({ store, ...all })).rejects.toMatchObject({ code: 'CORRUPT' })
  })
})
