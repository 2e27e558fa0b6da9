import { inspect } from 'node:util'
import { type Back, type Codec, createCborCodec, createMemoryBack, Store, systemClock } from '@tidemark/core'
import { ShiftedClock } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { type DeepReadonly, journal, prevalent, type Transaction } from '../src/index.ts'
import { type Bank, bank, transactions } from './support/bank.ts'
import { openTemp, tempFile } from './support/temp.ts'

const open = (store: ReturnType<typeof openTemp>['store'], options = {}) =>
  prevalent({ store, name: 'bank', initial: bank, transactions, leaseMs: 200, ...options })

describe('Simple Persistence: its table', () => {
  test('init-db, apply-transaction: what was executed is there again, replayed at open', async () => {
    const file = tempFile()
    {
      const { store } = openTemp({ file })
      await using db = await open(store)
      expect(db.state).toEqual(bank())
      expect(await db.execute('put', 'ada', 10)).toBe(10)
      expect(await db.execute('pay', 'ada', 'bob', 4)).toBe(4)
      expect(db.number).toBe(2)
    }
    const { store } = openTemp({ file })
    await using db = await open(store, { initial: { never: 'asked for' } as unknown as Bank })
    expect([...db.state.accounts]).toEqual([
      ['ada', 6],
      ['bob', 4],
    ])
    expect(db.recovery).toEqual({ snapshot: 0, replayed: 2, dropped: [] })
  })

  test('apply-transaction-and-block: resolves when durable; before that nobody sees it in memory', async () => {
    const { store, back } = openTemp()
    await using db = await open(store)
    const before = db.state
    const head = await back.log.head()
    const executed = db.execute('put', 'ada', 10)
    expect(db.state).toBe(before)
    await executed
    expect(await back.log.head()).toBe(head + 1)
    expect(db.state.accounts.get('ada')).toBe(10)
    expect(before.accounts.size).toBe(0)
  })

  test('group commit: the transactions of one turn are one record in one commit, in their order', async () => {
    const { store, back } = openTemp()
    await using db = await open(store)
    const head = await back.log.head()
    await Promise.all(Array.from({ length: 100 }, (_, i) => db.execute('note', { text: `${i}` })))
    expect(await back.log.head()).toBe(head + 1)
    expect(db.state.log).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`))
    const record = await store.get<{ first: number; transactions: unknown[] }>(['bank', 'journal', 1])
    expect(record).toMatchObject({ first: 1, transactions: { length: 100 } })
  })

  test('the journal is data, not code: name, arguments, time', async () => {
    const { store } = openTemp({})
    await using db = await open(store, { random: () => 0.5 })
    await db.execute('put', 'ada', 10)
    const record = await store.get<{ transactions: [string, unknown[], number, number, number][] }>([
      'bank',
      'journal',
      1,
    ])
    const [[name, args, at, seed, check]] = record!.transactions as [[string, unknown[], number, number, number]]
    expect({ name, args, seed }).toEqual({ name: 'put', args: ['ada', 10], seed: 0x8000_0000 })
    expect(Number.isSafeInteger(at) && Number.isSafeInteger(check)).toBe(true)
  })

  test('a throwing transaction is not journaled, and leaves nothing of what it did', async () => {
    const { store, back } = openTemp()
    await using db = await open(store)
    await db.execute('put', 'ada', 10)
    const before = db.state
    const head = await back.log.head()
    await expect(db.execute('pay', 'ada', 'bob', 11)).rejects.toThrow(new RangeError('ada has 10'))
    expect(db.state).toBe(before)
    expect(await back.log.head()).toBe(head)
    const settled = await Promise.allSettled([
      db.execute('pay', 'ada', 'bob', 6),
      db.execute('pay', 'ada', 'bob', 6),
      db.execute('pay', 'bob', 'ada', 1),
    ])
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect([...db.state.accounts.values(), db.state.log.length, db.number]).toEqual([5, 5, 2, 3])
  })

  test('arguments are evaluated once: neither the caller nor the function changes what is journaled', async () => {
    const file = tempFile()
    const note = { text: 'as it was' }
    {
      const { store } = openTemp({ file })
      await using db = await open(store)
      const executed = db.execute('note', note)
      note.text = 'changed by the caller'
      await executed
      expect([db.state.log, note.text]).toEqual([['as it was'], 'changed by the caller'])
    }
    const { store } = openTemp({ file })
    await using db = await open(store)
    expect(db.state.log).toEqual(['as it was'])
  })

  test('time and randomness are injected: replay is exact, and time never goes back', async () => {
    const file = tempFile()
    const clock = new ShiftedClock()
    let state: DeepReadonly<Bank>
    {
      const { store } = openTemp({ file })
      await using db = await open(store, { clock })
      await db.execute('draw')
      clock.step(-3_600_000)
      await db.execute('draw')
      state = db.state
      const [a, b, first, , c, d, second] = state.drawn as [number, number, number, number, number, number, number]
      expect(second).toBeGreaterThanOrEqual(first)
      expect(new Set([a, b, c, d]).size).toBe(4)
      expect(Math.min(a, b, c, d) >= 0 && Math.max(a, b, c, d) < 1).toBe(true)
    }
    const { store } = openTemp({ file })
    await using db = await open(store, { clock })
    expect(db.state).toEqual(state)
    await db.execute('draw')
    expect(db.state.drawn[10]).toBeGreaterThanOrEqual(state.drawn[6]!)
  })

  test('a clock that tells no time, and a random number that is none, fail what asked for them, and nothing else', async () => {
    const { store } = openTemp()
    let time = 5_000
    let number = 0.5
    const clock = { ...systemClock, now: () => time }
    await using db = await open(store, { clock, random: () => number })
    await using log = await journal({ store, name: 'log', clock, random: () => number })
    await db.execute('draw')
    for (const wrong of [Number.NaN, Infinity, 8.7e15]) {
      time = wrong
      await expect(db.execute('draw')).rejects.toThrow(/option clock/)
      await expect(log.record('x')).rejects.toThrow(/option clock/)
    }
    time = 6_000
    for (const wrong of [Number.NaN, 1, -0.1, '0.5' as never]) {
      number = wrong
      await expect(db.execute('draw')).rejects.toThrow(/option random/)
      await expect(log.record('x')).rejects.toThrow(/option random/)
    }
    number = 0.5
    await db.execute('draw')
    expect(await log.record('x')).toBe(1)
    expect([db.number, db.state.drawn[2], db.state.drawn[6]]).toEqual([2, 5_000, 6_000])
    for await (const line of db.journal.export()) expect(() => JSON.parse(line)).not.toThrow()
  })

  test('reads are never blocked, and plain memory: a state that is held never changes', async () => {
    const { store } = openTemp()
    await using db = await open(store)
    await db.execute('put', 'ada', 1)
    const held = db.state
    const writing = Promise.all(Array.from({ length: 50 }, (_, i) => db.execute('put', 'ada', i + 2)))
    expect(held.accounts.get('ada')).toBe(1)
    await writing
    expect([held.accounts.get('ada'), db.state.accounts.get('ada')]).toEqual([1, 51])
    const forced = held as Bank
    expect(() => forced.accounts.set('ada', 0)).toThrow(TypeError)
    expect(() => forced.log.push('x')).toThrow(TypeError)
    expect(() => (forced.log = [])).toThrow(TypeError)
  })
})

test('a state may be of any kind, and be replaced as a whole, also by a part of itself', async () => {
  const file = tempFile()
  const changes = {
    add: (tx: Transaction<unknown>, by: number) => (tx.state = (tx.state as number) + by),
    wrap: (tx: Transaction<unknown>) => void (tx.state = { inner: [tx.state] }),
    unwrap: (tx: Transaction<unknown>) => void (tx.state = (tx.state as { inner: unknown[] }).inner),
    push: (tx: Transaction<unknown>, value: unknown) => (tx.state as unknown[]).push(value),
  }
  const openIt = () =>
    prevalent({ store: openTemp({ file }).store, name: 'any', initial: 1 as unknown, transactions: changes })
  {
    await using db = await openIt()
    expect(await Promise.all([db.execute('add', 2), db.execute('wrap'), db.execute('wrap')])).toEqual([
      3,
      undefined,
      undefined,
    ])
    expect(db.state).toEqual({ inner: [{ inner: [3] }] })
    expect(await Promise.all([db.execute('unwrap'), db.execute('push', new Date(5))])).toEqual([undefined, 2])
    await db.snapshot()
    await db.execute('push', null)
  }
  await using db = await openIt()
  expect([db.state, db.recovery.replayed]).toEqual([[{ inner: [3] }, new Date(5), null], 1])
})

describe('those that share a record', () => {
  const nested = (levels: number): unknown => {
    let value: unknown = 1
    for (let i = 0; i < levels; i++) value = [value]
    return value
  }
  const ignoring = {
    count: ({ state }: Transaction<{ n: number }>, _what: unknown) => ++state.n,
    measure: ({ state }: Transaction<{ n: number }>, text: string) => (state.n += text.length),
  }
  const openIt = (store: Parameters<typeof open>[0] | Back) =>
    prevalent({ store, name: 'many', initial: { n: 0 }, transactions: ignoring })

  test('are told alone what cannot be stored of them', async () => {
    const { store } = openTemp()
    await using db = await openIt(store)
    let refused = 0
    for (let levels = 490; levels < 505; levels++) {
      const settled = await Promise.allSettled([
        db.execute('count', 1),
        db.execute('count', nested(levels)),
        db.execute('count', 2),
      ])
      const [before, deep, after] = settled
      expect([before, after]).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }])
      if (deep.status === 'rejected') {
        refused++
        expect(deep.reason).toMatchObject({ code: 'UNENCODABLE' })
      }
    }
    expect([db.state.n, refused > 0 && refused < 15]).toEqual([45 - refused, true])
  })

  test('are told alone also by a codec that cannot write them together', async () => {
    const cbor = createCborCodec()
    const codec: Codec = {
      id: 200,
      encode(value) {
        if (inspect(value, { depth: 9 }).split('odd').length > 2) throw new Error('one odd one is enough')
        if (inspect(value, { depth: 9 }).includes('impossible') && 'first' in (value as object)) throw new Error('no')
        return cbor.encode(value)
      },
      decode: (bytes) => cbor.decode(bytes),
    }
    const { back } = openTemp({ codec })
    await using db = await openIt(back)
    const given = [['a'], ['odd'], ['impossible'], ['odd'], ['b']]
    const settled = await Promise.allSettled(given.map((what) => db.execute('count', what)))
    expect(settled).toMatchObject([
      { value: 1 },
      { value: 2 },
      { reason: { code: 'UNENCODABLE' } },
      { value: 3 },
      { value: 4 },
    ])
  })

  test('are as many as are written at once without delay: the rest come next, in their order', async () => {
    for (const back of [createMemoryBack(), openTemp().back]) {
      await using db = await openIt(back)
      const text = 'x'.repeat(600_000)
      const lengths = await Promise.all(Array.from({ length: 12 }, () => db.execute('measure', text)))
      expect(lengths).toEqual(Array.from({ length: 12 }, (_, i) => (i + 1) * 600_000))
      const records = await Array.fromAsync(new Store(back).keys({ prefix: ['many', 'journal'] }))
      expect(records).toHaveLength(12)
      const counts = await Promise.all(Array.from({ length: 2_500 }, (_, i) => db.execute('count', i)))
      expect(counts.map((n) => n - 7_200_000)).toEqual(Array.from({ length: 2_500 }, (_, i) => i + 1))
      const all = await Array.fromAsync(new Store(back).keys({ prefix: ['many', 'journal'] }))
      expect(all).toHaveLength(15)
    }
  })
})

describe('a replay that comes to something else', () => {
  test('a state hash detects divergence, and names the transaction', async () => {
    const file = tempFile()
    {
      const { store } = openTemp({ file })
      await using db = await open(store)
      await db.execute('put', 'ada', 1)
      await db.execute('put', 'bob', 2)
    }
    const { store } = openTemp({ file })
    const changed = {
      ...transactions,
      put({ state }: Transaction<Bank>, name: string, amount: number) {
        state.accounts.set(name, name === 'bob' ? amount + 1 : amount)
        return amount
      },
    }
    await expect(open(store, { transactions: changed })).rejects.toMatchObject({
      code: 'STATE_DIVERGED',
      message: expect.stringContaining("transaction 2 of bank, 'put',"),
    })
    const failing = { ...transactions, put: () => { throw new Error('no more') } } // prettier-ignore
    await expect(open(store, { transactions: failing })).rejects.toMatchObject({
      code: 'STATE_DIVERGED',
      cause: new Error('no more'),
    })
    await using db = await open(store)
    expect(db.number).toBe(2)
  })

  test('a function that reads what is not injected is found out', async () => {
    const file = tempFile()
    const impure = { roll: ({ state }: Transaction<{ n: number }>) => void (state.n = Math.random()) }
    const openIt = (store: ReturnType<typeof openTemp>['store']) =>
      prevalent({ store, name: 'dice', initial: { n: 0 }, transactions: impure, leaseMs: 200 })
    {
      const { store } = openTemp({ file })
      await using db = await openIt(store)
      await db.execute('roll')
    }
    await expect(openIt(openTemp({ file }).store)).rejects.toMatchObject({ code: 'STATE_DIVERGED' })
  })

  test('code execution on replay: a name that was not given is an error, whatever the object inherits', async () => {
    const file = tempFile()
    {
      const { store } = openTemp({ file })
      await using db = await open(store)
      await db.execute('put', 'ada', 1)
    }
    const { store } = openTemp({ file })
    const others = { pay: transactions.pay.bind(undefined) }
    await expect(open(store, { transactions: others })).rejects.toMatchObject({ code: 'TRANSACTION_UNKNOWN' })
    await using db = await open(store)
    await expect(db.execute('toString' as 'put', 'x', 1)).rejects.toThrow(TypeError)
  })
})

describe('misuse', () => {
  const odd = {
    // As untyped code may have it.
    later: (async ({ state }: Transaction<{ n: unknown }>) => void (state.n = 1)) as () => unknown,
    keep: ({ state }: Transaction<{ n: unknown }>) => void (held = state),
    put: ({ state }: Transaction<{ n: unknown }>, what: string) => {
      state.n =
        what === 'function' ? () => {} : what === 'class' ? new (class Account {})() : what === 'cycle' ? state : what
    },
    again: () => void db().execute('put', 'x'),
  }
  let held: { n: unknown } | undefined
  let db: () => { execute(name: 'put', what: string): Promise<unknown> }

  test('is refused, names the place, and leaves the state', async () => {
    const { store } = openTemp()
    const real = await prevalent({
      store,
      name: 'odd',
      initial: { n: 0 as unknown },
      transactions: odd,
    })
    db = () => real
    await expect(real.execute('later')).rejects.toThrow(/must not be async/)
    await expect(real.execute('put', 'function')).rejects.toThrow(/^state\.n is a function/)
    await expect(real.execute('put', 'class')).rejects.toThrow(/^state\.n is an instance of Account/)
    await expect(real.execute('put', 'cycle')).rejects.toThrow(/contains itself/)
    await expect(real.execute('put', (() => {}) as never)).rejects.toMatchObject({ code: 'UNENCODABLE' })
    await expect(real.execute('again')).rejects.toThrow(/cannot execute another one/)
    await real.execute('keep')
    expect(() => held!.n).toThrow(/when it is over/)
    expect([real.state, real.number]).toEqual([{ n: 0 }, 1])
    await real.close()
    await real.close()
    await expect(real.execute('put', 'x')).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(real.snapshot()).rejects.toMatchObject({ code: 'CLOSED' })
    expect(real.state).toEqual({ n: 0 })
  })

  test('of options is a TypeError or RangeError at once', async () => {
    const { store } = openTemp()
    const given = { store, name: 'x', initial: 0, transactions: {} }
    await expect(prevalent({ ...given, snapshotsEvery: 1 } as never)).rejects.toThrow(/unknown option snapshotsEvery/)
    await expect(prevalent({ ...given, name: '' })).rejects.toThrow(RangeError)
    await expect(prevalent({ ...given, store: {} as never })).rejects.toThrow(/option store/)
    await expect(prevalent({ ...given, keepSnapshots: 0 })).rejects.toThrow(RangeError)
    await expect(prevalent({ ...given, transactions: { x: 1 as never } })).rejects.toThrow(/transaction x/)
    await expect(prevalent({ ...given, initial: { x: Symbol('x') } })).rejects.toThrow(/^initial\.x is a symbol/)
  })
})
