import { type Commit, Payload, reservedKey, Store, TidemarkError } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import { eventually, ManualClock, ShiftedClock } from '@tidemark/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { journal, prevalent, states } from '../src/index.ts'
import { bank, transactions } from './support/bank.ts'
import { type Fault, faultyBack } from './support/faulty-back.ts'
import { stoppedBefore } from './support/stopped-back.ts'
import { openTemp, tempFile } from './support/temp.ts'

const failed = (code: 'DISK_FULL' | 'IO' | 'BUSY' | 'READ_ONLY') =>
  new TidemarkError(code, 'injected', { retryable: true })
const before =
  (error: Error): Fault =>
  () =>
    Promise.reject(error)
/** It happens, and its answer is lost. */
const after =
  (error: Error): Fault =>
  async (commit) => {
    await commit()
    throw error
  }

async function openFaulty(file = tempFile()) {
  const { back: real } = openTemp({ file })
  const { back, faults, readErrors } = faultyBack(real)
  const db = await prevalent({ store: back, name: 'bank', initial: bank, transactions, leaseMs: 200 })
  const reopened = async () => {
    await db.close()
    return prevalent({ store: real, name: 'bank', initial: bank, transactions, leaseMs: 200 })
  }
  return { db, faults, readErrors, reopened }
}

describe('a failed journal write', () => {
  test.each(['DISK_FULL', 'READ_ONLY', 'BUSY'] as const)(
    '%s is a typed error; memory is unchanged, and later writes work',
    async (code) => {
      const { db, faults, reopened } = await openFaulty()
      await db.execute('put', 'ada', 10)
      const { state } = db
      faults.push(before(failed(code)))
      const settled = await Promise.allSettled([db.execute('put', 'bob', 1), db.execute('pay', 'ada', 'bob', 1)])
      expect(settled).toMatchObject([{ reason: { code } }, { reason: { code } }])
      expect(db.state).toBe(state)
      expect(await db.execute('pay', 'ada', 'bob', 3)).toBe(3)
      const again = await reopened()
      expect([...again.state.accounts]).toEqual([
        ['ada', 7],
        ['bob', 3],
      ])
      expect(again.number).toBe(2)
      await again.close()
    },
  )

  test('what was executed on top of it is executed again over the state that there is, and may fail by that', async () => {
    const { db, faults, reopened } = await openFaulty()
    const gate = Promise.withResolvers<void>()
    faults.push(async (_commit, proposal) => {
      proposal.decide([])
      await gate.promise
      throw failed('DISK_FULL')
    })
    const first = db.execute('put', 'ada', 10)
    await new Promise((resolve) => setImmediate(resolve))
    const settled = Promise.allSettled([
      first,
      db.execute('pay', 'ada', 'bob', 4),
      db.execute('put', 'ada', 2),
      db.execute('pay', 'ada', 'bob', 1),
    ])
    gate.resolve()
    expect(await settled).toMatchObject([
      { reason: { code: 'DISK_FULL' } },
      { status: 'rejected' },
      { value: 2 },
      { value: 1 },
    ])
    const again = await reopened()
    expect([...again.state.accounts]).toEqual([
      ['ada', 1],
      ['bob', 1],
    ])
    await again.close()
  })

  test('whose answer was lost is looked up: it is acknowledged when it is in the journal', async () => {
    const { db, faults, reopened } = await openFaulty()
    faults.push(after(failed('IO')))
    expect(await db.execute('put', 'ada', 10)).toBe(10)
    faults.push(before(failed('IO')))
    await expect(db.execute('put', 'ada', 11)).rejects.toMatchObject({ code: 'IO' })
    expect(await db.execute('put', 'bob', 1)).toBe(1)
    const again = await reopened()
    expect([...again.state.accounts]).toEqual([...db.state.accounts])
    expect(again.number).toBe(2)
    await again.close()
  })

  test('of which nobody knows is an error, and the state is that of the journal as soon as that can be read', async () => {
    const { db, faults, readErrors, reopened } = await openFaulty()
    faults.push(after(failed('IO')))
    readErrors.push(failed('IO'), failed('IO'))
    await expect(db.execute('put', 'ada', 10)).rejects.toMatchObject({ code: 'IO' })
    expect(db.number).toBe(0)
    await expect(db.execute('put', 'bob', 1)).rejects.toMatchObject({ code: 'IO' })
    expect(await db.execute('pay', 'ada', 'bob', 3)).toBe(3)
    expect([...db.state.accounts]).toEqual([
      ['ada', 7],
      ['bob', 3],
    ])
    const again = await reopened()
    expect(again.state).toEqual(db.state)
    await again.close()
  })

  test('whose outcome is in doubt changes nothing about the order: they take effect as they were called', async () => {
    const { db, faults, readErrors } = await openFaulty()
    const texts: string[] = []
    const calls: Promise<unknown>[] = []
    const call = (text: string): void => {
      texts.push(text)
      calls.push(db.execute('note', { text }).catch(() => (texts[texts.indexOf(text)] = 'failed')))
    }
    const gate = Promise.withResolvers<void>()
    faults.push(async (_commit, proposal) => {
      proposal.decide([])
      await gate.promise
      // In every moment from here on, until what becomes of it is known.
      void (async () => {
        for (let i = 0; i < 20; i++) {
          await Promise.resolve()
          call(`later ${i}`)
        }
      })()
      throw failed('IO')
    })
    readErrors.push(failed('IO'))
    call('in doubt')
    await new Promise((resolve) => setImmediate(resolve))
    call('behind it')
    call('and behind that')
    gate.resolve()
    await eventually('all are called', () => calls.length === 23)
    await Promise.all(calls)
    expect(texts[0]).toBe('failed')
    expect(db.state.log).toEqual(texts.filter((text) => text !== 'failed'))
    expect(db.state.log.length).toBeGreaterThan(2)
    await db.close()
  })

  test('does not hang: every caller is told, and close() waits for what is under way', async () => {
    const { db, faults } = await openFaulty()
    const gate = Promise.withResolvers<void>()
    faults.push(async (commit): Promise<Commit> => {
      await gate.promise
      return commit()
    })
    const executed = db.execute('put', 'ada', 1)
    const closing = db.close()
    await expect(db.execute('put', 'ada', 2)).rejects.toMatchObject({ code: 'CLOSED' })
    gate.resolve()
    expect(await executed).toBe(1)
    await closing
  })
})

describe('one writer', () => {
  test('a second one is refused while the first one lives, and admitted when it has closed', async () => {
    const file = tempFile()
    const { store } = openTemp({ file })
    // Longer than a busy machine keeps the first one from renewing it.
    const options = { name: 'bank', initial: bank, transactions, leaseMs: 1_500 }
    const db = await prevalent({ store, ...options })
    const { store: other } = openTemp({ file })
    await expect(prevalent({ store: other, ...options })).rejects.toMatchObject({
      code: 'ANOTHER_WRITER',
      retryable: true,
    })
    await expect(journal({ store: other, name: 'bank', leaseMs: 1_500 })).rejects.toMatchObject({
      code: 'ANOTHER_WRITER',
    })
    await db.execute('put', 'ada', 1)
    await db.close()
    const next = await prevalent({ store: other, ...options })
    expect(next.state.accounts.get('ada')).toBe(1)
    await next.close()
  })

  test('a zombie is fenced: after its lease it writes nothing, its memory is unchanged', async () => {
    const file = tempFile()
    const clock = new ShiftedClock()
    const { store } = openTemp({ file, clock })
    const options = { name: 'bank', initial: bank, transactions, leaseMs: 60_000 }
    const zombie = await prevalent({ store, ...options })
    await zombie.execute('put', 'ada', 1)
    clock.step(61_000)
    const { store: other } = openTemp({ file, clock })
    const next = await prevalent({ store: other, ...options })
    await next.execute('put', 'ada', 2)
    await expect(zombie.execute('put', 'ada', 3)).rejects.toMatchObject({ code: 'LEASE_LOST' })
    await expect(zombie.snapshot()).rejects.toMatchObject({ code: 'LEASE_LOST' })
    expect(zombie.state.accounts.get('ada')).toBe(1)
    await next.execute('put', 'bob', 4)
    await next.close()
    const { store: third } = openTemp({ file, clock })
    const last = await prevalent({ store: third, ...options })
    expect([...last.state.accounts.values()]).toEqual([2, 4])
    await last.close()
  })

  test('a process that was stopped for longer than its lease goes on when nobody else has written', async () => {
    const file = tempFile()
    const clock = new ShiftedClock()
    const { store } = openTemp({ file, clock })
    const options = { name: 'bank', initial: bank, transactions, leaseMs: 60_000, keepSnapshots: 1 }
    const db = await prevalent({ store, ...options })
    await db.execute('put', 'ada', 1)
    clock.step(61_000)
    expect(await db.execute('put', 'ada', 2)).toBe(2)
    clock.step(61_000)
    // Somebody else was there, and has gone.
    const { store: other } = openTemp({ file, clock })
    await (await prevalent({ store: other, ...options })).close()
    expect(await db.execute('put', 'ada', 3)).toBe(3)
    clock.step(61_000)
    const next = await prevalent({ store: other, ...options })
    await next.execute('put', 'ada', 4)
    // Leaves nothing in the journal.
    await next.snapshot()
    await next.close()
    await expect(db.execute('put', 'ada', 5)).rejects.toMatchObject({ code: 'LEASE_LOST' })
    const last = await prevalent({ store: other, ...options })
    expect(last.state.accounts.get('ada')).toBe(4)
    await last.close()
  })

  test('the lease is kept while nothing is executed', async () => {
    const clock = new ManualClock()
    const { store, back } = openTemp({ clock })
    const db = await prevalent({ store, name: 'bank', initial: bank, transactions, leaseMs: 900, clock })
    for (let i = 0; i < 10; i++) {
      clock.advance(300)
      // What was asked for in between is done by then.
      await back.leases.remaining([])
      await back.marks.write([])
    }
    await db.execute('put', 'ada', 1)
    await db.close()
  })
})

describe('a writer that was stopped once', () => {
  test('keeps its lease again from the next renewal on: nobody else is admitted, and snapshots are taken', async () => {
    const file = tempFile()
    const clock = new ManualClock()
    const { back, store } = openTemp({ file, clock })
    const options = { name: 'bank', initial: bank, transactions, leaseMs: 900, clock, snapshotEvery: 0 }
    const db = await prevalent({ store, ...options })
    await db.execute('put', 'ada', 1)
    const isHeld = async (): Promise<boolean> => {
      const [remaining] = await back.leases.remaining([reservedKey('state', 'writer', 'bank')])
      return remaining! > 0
    }
    clock.advance(5_000)
    await eventually('it is taken once more', isHeld)
    for (let i = 0; i < 10; i++) {
      clock.advance(300)
      // What was asked for in between is done by then.
      await back.marks.write([])
    }
    const { back: other } = openTemp({ file, clock })
    expect((await other.leases.acquire(reservedKey('state', 'writer', 'bank'), 100)).lease).toBeUndefined()
    await db.snapshot()
    await db.close()
  })

  test('leaves no lease behind when it is closed while it takes it once more', async () => {
    const clock = new ManualClock()
    const { back: real } = openTemp({ clock })
    const gate = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    let isGated = false
    const marks = new Proxy(real.marks, {
      get(target, name) {
        const value = Reflect.get(target, name, target) as (...args: unknown[]) => unknown
        return async (...args: unknown[]) => {
          if (isGated && name === 'read') {
            asked.resolve()
            await gate.promise
          }
          return value.apply(target, args)
        }
      },
    })
    const back = new Proxy(real, {
      get(target, name) {
        if (name === 'marks') return marks
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
    const db = await prevalent({ store: back, name: 'bank', initial: bank, transactions, leaseMs: 900, clock })
    isGated = true
    clock.advance(5_000)
    await asked.promise
    let isClosed = false
    const closed = db.close().then(() => (isClosed = true))
    // What was asked for in between is done by then.
    for (let i = 0; i < 3; i++) await real.marks.write([])
    expect(isClosed).toBe(false)
    gate.resolve()
    await closed
    expect(await real.leases.remaining([reservedKey('state', 'writer', 'bank')])).toEqual([0])
  })

  test('takes a snapshot all the same, when nobody else has written', async () => {
    const file = tempFile()
    const clock = new ShiftedClock()
    const { store } = openTemp({ file, clock })
    const options = { name: 'bank', initial: bank, transactions, leaseMs: 60_000, snapshotEvery: 0 }
    const db = await prevalent({ store, ...options })
    await db.execute('put', 'ada', 1)
    clock.pass(61_000)
    await db.snapshot()
    await db.close()
    await using again = await prevalent({ store: openTemp({ file, clock }).store, ...options })
    expect(again.recovery).toEqual({ snapshot: 1, replayed: 0, dropped: [] })
  })

  test('is opened all the same, however long any step of that takes, when nobody else has written', async () => {
    const file = tempFile()
    const clock = new ShiftedClock()
    const { back: real, store } = openTemp({ file, clock })
    const options = { name: 'bank', initial: bank, transactions, leaseMs: 60_000, snapshotEvery: 0 }
    const slow = stoppedBefore(real, () => clock.pass(61_000))
    const db = await prevalent({ store: slow, ...options })
    for (const text of ['1', '2', '3', '4']) await db.execute('note', { text })
    await db.snapshot()
    await db.close()
    await store.set(['bank', 'journal', 4], 'torn')
    await real.marks.write([
      { key: reservedKey('state', 'snapshot', 'bank', 4), value: Payload.encode(real.codec, 'torn') },
      { key: reservedKey('state', 'snapshot-unclean', 'bank'), value: Payload.encode(real.codec, true) },
    ])
    await using again = await prevalent({ store: slow, ...options })
    expect([again.state.log, again.recovery.dropped.length]).toEqual([['1', '2', '3'], 2])
  })
})

describe('a store that cannot be written', () => {
  test('READ_ONLY when it is opened, and nothing hangs', async () => {
    const file = tempFile()
    const { back } = openTemp({ file })
    await back.close()
    const readOnly = createSqliteBack({ file, readOnly: true })
    onTestFinished(() => readOnly.close())
    const store = new Store(readOnly)
    await expect(prevalent({ store, name: 'x', initial: 0, transactions: {} })).rejects.toMatchObject({
      code: 'READ_ONLY',
    })
    const app = await states(store)
    const state = app.define('a', 1)
    state.value = 2
    await expect(app.saveAll()).rejects.toMatchObject({ code: 'READ_ONLY' })
    expect(state.value).toBe(2)
  })

  test('states: a full disk is a typed error, memory is unchanged, and a later save works', async () => {
    const { back: real } = openTemp()
    const { back, faults } = faultyBack(real)
    const app = await states(back)
    const a = app.define('a', 1)
    a.value = 2
    faults.push(before(failed('DISK_FULL')))
    await expect(app.saveAll()).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect([a.value, await app.saves()]).toEqual([2, []])
    expect((await app.saveAll()).number).toBe(1)
  })
})
