import { createSqliteBack } from '@tidemark/sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { journal, prevalent, readJournal } from '../src/index.ts'
import { bank, transactions } from './support/bank.ts'
import { openTemp, tempFile } from './support/temp.ts'

const open = (store: ReturnType<typeof openTemp>['store'], options = {}) =>
  prevalent({ store, name: 'bank', initial: bank, transactions, leaseMs: 200, ...options })

describe('Simple Persistence: the journal usable on its own', () => {
  test('what is recorded is replayed later, with its time and randomness, into functions that may wait', async () => {
    const file = tempFile()
    {
      const { store } = openTemp({ file })
      await using log = await journal({ store, name: 'work' })
      expect(await Promise.all([log.record('add', 1, { to: new Date(5) }), log.record('add', 2)])).toEqual([1, 2])
      expect(await log.record('remove')).toBe(3)
      await expect(log.record('add', () => {})).rejects.toMatchObject({ code: 'UNENCODABLE' })
      await expect(log.record('')).rejects.toThrow(RangeError)
      await expect(log.record(5 as never)).rejects.toThrow('a name must be a string, not number')
    }
    const { store } = openTemp({ file })
    await using log = await journal({ store, name: 'work' })
    expect(await log.record('add', 4)).toBe(4)
    const seen: unknown[] = []
    const functions = {
      async add({ number, now, random }: { number: number; now: number; random: () => number }, ...args: unknown[]) {
        await Promise.resolve()
        seen.push([number, args, Number.isInteger(now), random() < 1])
      },
      remove: () => seen.push('removed'),
    }
    expect(await log.replay(functions)).toBe(4)
    expect(seen).toEqual([
      [1, [1, { to: new Date(5) }], true, true],
      [2, [2], true, true],
      'removed',
      [4, [4], true, true],
    ])
    expect(await log.replay(functions, { after: 3 })).toBe(4)
    expect(seen).toHaveLength(5)
    await expect(log.replay({ add: () => {} })).rejects.toMatchObject({ code: 'TRANSACTION_UNKNOWN' })
  })

  test('however large what was recorded is, all of it is replayed', async () => {
    const { store } = openTemp()
    await using log = await journal({ store, name: 'work' })
    for (let n = 0; n < 12; n++) await log.record('add', 'x'.repeat(600_000))
    let added = 0
    expect(await log.replay({ add: () => added++ })).toBe(12)
    expect(added).toBe(12)
  })

  test('a damaged end is put aside and reported when it is opened', async () => {
    const file = tempFile()
    const { store } = openTemp({ file })
    {
      await using log = await journal({ store, name: 'work' })
      for (const n of [1, 2, 3]) await log.record('add', n)
    }
    await store.set(['work', 'journal', 3], 'torn')
    await using log = await journal({ store, name: 'work' })
    expect(log.dropped.map(({ number }) => number)).toEqual([3])
    expect(await log.record('add', 'three')).toBe(3)
    const all = await Array.fromAsync(log.read())
    expect(all.map(({ args }) => args[0])).toEqual([1, 2, 'three'])
  })
})

describe('the journal of a prevalent system', () => {
  test('is replayed into another database: a prevalent one comes to the same state', async () => {
    const { store } = openTemp()
    await using db = await open(store)
    await db.execute('put', 'ada', 10)
    await db.execute('draw')
    await db.execute('pay', 'ada', 'bob', 3).catch(() => {})
    const { store: other } = openTemp()
    await using copy = await open(other)
    expect(await db.journal.replay(copy)).toBe(3)
    expect(copy.state).toEqual(db.state)
    const rows = new Map<string, number>()
    const elsewhere = {
      put: async (_context: unknown, name: string, amount: number) => void rows.set(name, amount),
      pay: () => {},
      draw: () => {},
    }
    await db.journal.replay(elsewhere)
    expect([...rows]).toEqual([['ada', 10]])
  })

  test('is read by anybody, while it is written, and where nothing can be written', async () => {
    const file = tempFile()
    const { store } = openTemp({ file })
    await using db = await open(store, { leaseMs: 60_000 })
    const { back: other } = openTemp({ file })
    const view = readJournal(other, 'bank')
    expect(await Array.fromAsync(view.read())).toEqual([])
    await db.execute('put', 'ada', 10)
    expect(await Array.fromAsync(view.read())).toMatchObject([{ number: 1, name: 'put', args: ['ada', 10] }])
    await db.execute('put', 'bob', 5)
    const readOnly = createSqliteBack({ file, readOnly: true })
    onTestFinished(() => readOnly.close())
    const rows = new Map<string, number>()
    const put = (_context: unknown, name: string, amount: number): unknown => rows.set(name, amount)
    expect(await readJournal(readOnly, 'bank').replay({ put })).toBe(2)
    expect([...rows]).toEqual([
      ['ada', 10],
      ['bob', 5],
    ])
    await expect(Array.fromAsync(readJournal(other, 'another').read())).resolves.toEqual([])
    expect(() => readJournal(other, '')).toThrow(RangeError)
  })

  test('is not replayed without its beginning, unless that is said', async () => {
    const { store } = openTemp()
    await using db = await open(store, { keepSnapshots: 1, snapshotEvery: 0 })
    for (const text of ['1', '2']) await db.execute('note', { text })
    await db.snapshot()
    await db.execute('note', { text: '3' })
    const { store: elsewhere } = openTemp()
    await using copy = await open(elsewhere)
    await expect(db.journal.replay(copy)).rejects.toMatchObject({
      code: 'LOG_COMPACTED',
      floor: 2,
      message: expect.stringMatching(/^the journal bank.* read it after 2 /) as string,
    })
    expect(copy.number).toBe(0)
    expect(await db.journal.replay(copy, { after: 2 })).toBe(3)
    expect(copy.state.log).toEqual(['3'])
  })

  test('is not replayed into itself, however it is got', async () => {
    const { store } = openTemp()
    await using db = await open(store)
    await db.execute('note', { text: '1' })
    for (const view of [db.journal, readJournal(store, 'bank')]) {
      await expect(view.replay(db)).rejects.toThrow(TypeError)
    }
    expect(db.number).toBe(1)
  })

  test('tells how far a replay has come, also when it fails', async () => {
    const { store } = openTemp()
    await using log = await journal({ store, name: 'work' })
    for (const n of [1, 2, 3, 4]) await log.record('add', n)
    let reached = 0
    let sum = 0
    let isFailing = true
    const add = (_context: unknown, n: number): void => {
      if (isFailing && n === 3) throw new Error('not now')
      sum += n
    }
    const onReplayed = (number: number): void => void (reached = number)
    await expect(log.replay({ add }, { onReplayed })).rejects.toThrow('not now')
    expect([reached, sum]).toEqual([2, 3])
    isFailing = false
    expect(await log.replay({ add }, { after: reached, onReplayed })).toBe(4)
    expect([reached, sum]).toEqual([4, 10])
    await expect(log.replay({ add }, { onReplayed: 1 as never })).rejects.toThrow(/onReplayed/)
  })

  test('is exported as readable lines of JSON', async () => {
    const { store } = openTemp()
    await using db = await open(store, { random: () => 0 })
    await db.execute('put', 'ada', 10)
    await db.execute('note', { text: 'x' })
    const lines = await Array.fromAsync(db.journal.export())
    expect(lines.map((line) => ({ ...JSON.parse(line), at: '' }))).toEqual([
      { number: 1, name: 'put', args: ['ada', 10], at: '', seed: 0 },
      { number: 2, name: 'note', args: [{ text: 'x' }], at: '', seed: 0 },
    ])
  })

  test('says when what is asked for was removed, and when it is damaged', async () => {
    const { store } = openTemp()
    await using db = await open(store, { keepSnapshots: 1, snapshotEvery: 0 })
    for (const text of ['1', '2', '3']) await db.execute('note', { text })
    await db.snapshot()
    await db.execute('note', { text: '4' })
    await db.execute('note', { text: '5' })
    await expect(Array.fromAsync(db.journal.read({ after: 1 }))).rejects.toMatchObject({
      code: 'LOG_COMPACTED',
      floor: 3,
    })
    expect(await Array.fromAsync(db.journal.read())).toMatchObject([{ number: 4 }, { number: 5 }])
    for (const text of ['6', '7']) await db.execute('note', { text })
    await db.execute('note', { text: '8' })
    await store.set(['bank', 'journal', 8], 'torn')
    const read: number[] = []
    const torn = (async () => {
      for await (const { number } of db.journal.read({ after: 6 })) read.push(number)
    })()
    await expect(torn).rejects.toMatchObject({ code: 'CORRUPT' })
    expect(read).toEqual([7])
  })

  test('says when what is to be read next was removed in the meantime, also where nothing is left', async () => {
    const { store } = openTemp()
    await using db = await open(store, { keepSnapshots: 1, snapshotEvery: 0 })
    for (let i = 1; i <= 70; i++) await db.execute('note', { text: `${i}` })
    for (const isMore of [false, true]) {
      const reading = db.journal.read()
      const { value: first } = await reading.next()
      await db.snapshot()
      if (isMore) await db.execute('note', { text: 'behind it' })
      const read: number[] = [first!.number]
      const rest = (async () => {
        for await (const { number } of reading) read.push(number)
      })()
      await expect(rest).rejects.toMatchObject({ code: 'LOG_COMPACTED', floor: db.number - (isMore ? 1 : 0) })
      // A page of records had been read.
      expect(read).toHaveLength(64)
      for (let i = 1; i <= 70; i++) await db.execute('note', { text: `${i}` })
    }
  })
})
