import { type Key, Payload, reservedKey, type Store } from '@tidemark/core'
import type { SqliteBack } from '@tidemark/sqlite'
import { describe, expect, test } from 'vitest'
import { prevalent } from '../src/index.ts'
import { bank, transactions } from './support/bank.ts'
import { openTemp, tempFile } from './support/temp.ts'

const open = (store: Store, options = {}) =>
  prevalent({ store, name: 'bank', initial: bank, transactions, leaseMs: 200, ...options })

async function recordsIn(store: Store): Promise<number[]> {
  const keys = await Array.fromAsync(store.keys({ prefix: ['bank', 'journal'] }))
  return keys.map((key) => key[2] as number)
}

/** Leaves the file as a process that was killed does. */
async function filled(file: string, times: number, options = {}): Promise<void> {
  const { store, back } = openTemp({ file })
  const db = await open(store, options)
  for (let i = 1; i <= times; i++) await db.execute('note', { text: `${i}` })
  await db.close()
  await back.close()
}

/** All that is beside the log, to be put back. */
const marksOf = (back: SqliteBack) =>
  back.marks.scan({ start: new Uint8Array(), end: undefined }, { after: undefined, limit: 100 })

const notes = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i + 1}`)

describe('Simple Persistence had no snapshots; here', () => {
  test('one is taken after every n transactions, k are kept, and the journal from the oldest on', async () => {
    const file = tempFile()
    await filled(file, 35, { snapshotEvery: 10 })
    const { store } = openTemp({ file })
    await using db = await open(store)
    expect(db.recovery).toEqual({ snapshot: 30, replayed: 5, dropped: [] })
    expect(db.state.log).toEqual(notes(35))
    expect((await recordsIn(store))[0]).toBe(21)
  })

  test('one is taken on demand, while transactions go on', async () => {
    const file = tempFile()
    {
      const { store } = openTemp({ file })
      await using db = await open(store)
      for (const text of notes(3)) await db.execute('note', { text })
      const taken = db.snapshot()
      await Promise.all([taken, db.execute('note', { text: '4' })])
      await db.snapshot()
      await db.snapshot()
    }
    const { store } = openTemp({ file })
    await using db = await open(store)
    expect([db.recovery.snapshot, db.state.log]).toEqual([4, notes(4)])
  })

  test('the journal is kept as a whole when that is wanted', async () => {
    const file = tempFile()
    await filled(file, 25, { snapshotEvery: 10, keepJournal: 'all' })
    const { store } = openTemp({ file })
    await using db = await open(store)
    expect([db.recovery.snapshot, await recordsIn(store)]).toEqual([20, notes(25).map(Number)])
  })

  test('a large state is written in parts, between which transactions go on', async () => {
    const file = tempFile()
    const users = 20_000
    {
      const { store } = openTemp({ file })
      await using db = await prevalent({
        store,
        name: 'large',
        initial: () => ({
          byId: new Map(
            Array.from({ length: users }, (_, id) => [id, { id, tags: new Set([`t${id}`]), at: new Date(id) }]),
          ),
          list: Array.from({ length: users }, (_, id) =>
            id % 10 === 0 ? Array.from({ length: 30 }, () => id) : `n${id}`,
          ),
          names: Object.fromEntries(Array.from({ length: users }, (_, id) => [`name ${id}`, id])),
          all: new Set(Array.from({ length: users }, (_, id) => id)),
          changes: 0,
        }),
        transactions: {
          change({ state }, id: number) {
            state.byId.get(id)!.tags.add('changed')
            state.list[id] = 'changed'
            state.names['name 7'] = id
            state.all.delete(id)
            return ++state.changes
          },
        },
      })
      let executed = 0
      const taken = db.snapshot().then(() => executed)
      while (executed < 5) executed = await db.execute('change', executed)
      expect(await taken).toBeLessThanOrEqual(executed)
      await db.snapshot()
      const { byId, list, names, all } = db.state
      const { store: second } = openTemp({ file: tempFile() })
      await second.set('kept', [[...byId], list, Object.entries(names), [...all]])
      kept = await second.get('kept')
    }
    const { store } = openTemp({ file })
    const transactionsOfNone = { change: () => 0 }
    await using db = await prevalent({ store, name: 'large', initial: {} as never, transactions: transactionsOfNone })
    const { byId, list, names, all } = db.state as unknown as {
      byId: Map<number, unknown>
      list: unknown[]
      names: Record<string, number>
      all: Set<number>
    }
    expect(db.recovery).toMatchObject({ snapshot: 5, replayed: 0 })
    expect([[...byId], list, Object.entries(names), [...all]]).toEqual(kept)
  })
  let kept: unknown
})

describe('an undecodable or torn tail', () => {
  const damages: [string, (store: Store, back: SqliteBack) => Promise<unknown>][] = [
    ['is no record', (store) => store.set(['bank', 'journal', 4], 'torn')],
    ['is missing', (store) => store.delete(['bank', 'journal', 4])],
    [
      'has another argument',
      async (store) =>
        store.update<Record<string, never[][][]>>(['bank', 'journal', 4], (record) => {
          ;(record!['transactions']![0]![1] as unknown[])[0] = { text: 'forged' }
          return record
        }),
    ],
    [
      'cannot be decoded',
      async (_store, back) => {
        const { entry } = back.readOne((await import('@tidemark/core')).StoreKey.of(['bank', 'journal', 4]))
        const cut = entry!.payload.bytes.slice(0, -3)
        await back.commit({
          reads: [],
          decide: () => [
            {
              op: 'set',
              key: entry!.key,
              payload: Payload.fromBytes(back.codec, cut),
              expiresAt: undefined,
              meta: undefined,
              path: undefined,
            },
          ],
        })
      },
    ],
  ]
  test.each(damages)(
    'that %s: the last complete transaction is the state, what was dropped is reported',
    async (what, damage) => {
      const file = tempFile()
      await filled(file, 6)
      {
        const { store, back } = openTemp({ file })
        await damage(store, back)
        await using db = await open(store)
        expect(db.state.log).toEqual(notes(3))
        const numbers = what === 'is missing' ? [5, 6] : [4, 5, 6]
        expect(db.recovery.dropped.map(({ number }) => number)).toEqual(numbers)
        expect(db.recovery.dropped[0]!.reason).toMatch(what === 'is missing' ? /lacks transaction 4/ : /./)
        // What was behind it can still be read, where it is now.
        const moved = db.recovery.dropped.at(-1)!.movedTo as Key
        expect(await store.get(moved)).toMatchObject({ first: 6 })
        await db.execute('note', { text: 'four, again' })
      }
      const { store } = openTemp({ file })
      await using db = await open(store)
      expect(db.state.log).toEqual([...notes(3), 'four, again'])
      expect(db.recovery.dropped).toEqual([])
    },
  )

  test('before the snapshot is of no interest', async () => {
    const file = tempFile()
    await filled(file, 25, { snapshotEvery: 10 })
    const { store } = openTemp({ file })
    await store.set(['bank', 'journal', 15], 'torn')
    await using db = await open(store)
    expect([db.recovery.snapshot, db.recovery.dropped, db.state.log]).toEqual([20, [], notes(25)])
  })
})

describe('a damaged snapshot', () => {
  const part = (number: number) => reservedKey('state', 'snapshot-part', 'bank', number, 0)
  const head = (number: number) => reservedKey('state', 'snapshot', 'bank', number)

  test('is passed over for the one before it, and the journal behind that', async () => {
    const file = tempFile()
    await filled(file, 25, { snapshotEvery: 10 })
    const { store, back } = openTemp({ file })
    await back.marks.write([{ key: part(20), value: Payload.encode(back.codec, new Uint8Array([1, 2, 3])) }])
    await using db = await open(store)
    expect([db.recovery.snapshot, db.recovery.replayed, db.state.log]).toEqual([10, 15, notes(25)])
    expect(db.recovery.dropped).toEqual([
      { number: 20, what: 'snapshot', reason: expect.stringContaining('part 0'), movedTo: undefined },
    ])
    expect(await back.marks.read([head(10), head(20), part(20)])).toMatchObject([{}, undefined, undefined])
  })

  test('of which there is no other is an error, and not the state that the code has now', async () => {
    const file = tempFile()
    await filled(file, 3)
    const { store, back } = openTemp({ file })
    await back.marks.write([{ key: head(0), value: Payload.encode(back.codec, 'garbage') }])
    await expect(open(store)).rejects.toMatchObject({ code: 'CORRUPT' })
    await back.marks.write([{ key: head(0), value: undefined }])
    await expect(open(store)).rejects.toMatchObject({ code: 'CORRUPT' })
  })

  test('whichever bit of it is another: it is passed over, and never another state', async () => {
    const file = tempFile()
    await filled(file, 3, { keepSnapshots: 2 })
    const { store, back } = openTemp({ file })
    await using first = await open(store)
    await first.snapshot()
    await first.execute('note', { text: '4' })
    await first.close()
    for (const key of [head(3), part(3)]) {
      const [whole] = await back.marks.read([key])
      const { length } = whole!.bytes
      for (let i = 0; i < length; i++) {
        const bytes = Uint8Array.from(whole!.bytes)
        bytes[i]! ^= 1 << (i % 8)
        await back.marks.write([{ key, value: Payload.fromBytes(back.codec, bytes) }])
        const kept = await marksOf(back)
        await using db = await open(store)
        expect([db.state.log, db.recovery.snapshot, db.recovery.dropped.length]).toEqual([notes(4), 0, 1])
        await db.close()
        await back.marks.write(kept.map(({ key: at, value }) => ({ key: at, value })))
      }
      await back.marks.write([{ key, value: whole }])
    }
    await using last = await open(store)
    expect([last.recovery, last.state.log]).toEqual([{ snapshot: 3, replayed: 1, dropped: [] }, notes(4)])
  })

  test('that was never completed is removed', async () => {
    const file = tempFile()
    await filled(file, 3)
    const { store, back } = openTemp({ file })
    const unclean = reservedKey('state', 'snapshot-unclean', 'bank')
    await back.marks.write([
      { key: unclean, value: Payload.encode(back.codec, true) },
      { key: part(2), value: Payload.encode(back.codec, new Uint8Array([1])) },
    ])
    await using db = await open(store)
    expect([db.recovery.snapshot, await back.marks.read([part(2), unclean])]).toEqual([0, [undefined, undefined]])
  })
})
