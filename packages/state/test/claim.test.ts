import { type Back, TidemarkError } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import { prevalent } from '../src/index.ts'
import { bank, transactions } from './support/bank.ts'
import { faultyBack } from './support/faulty-back.ts'
import { openTemp } from './support/temp.ts'

const open = (store: Back) =>
  prevalent({ store, name: 'bank', initial: bank, transactions, snapshotEvery: 0, leaseMs: 500 })

/** Somebody else was the last one to write. */
async function begun(): Promise<Back> {
  const { back } = openTemp()
  await using db = await open(back)
  await db.execute('note', { text: '0' })
  return back
}

/** The real tier, of which the next write of marks meets this. */
function meeting(real: Back, fault: { next?: (write: () => Promise<unknown>) => Promise<unknown> }): Back {
  const write = (...args: Parameters<Back['marks']['write']>): Promise<unknown> => {
    const { next } = fault
    delete fault.next
    const run = (): Promise<unknown> => real.marks.write(...args)
    return next === undefined ? run() : next(run)
  }
  const marks = new Proxy(real.marks, {
    get(target, name) {
      if (name === 'write') return write
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  return new Proxy(real, {
    get(target, name) {
      if (name === 'marks') return marks
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

const io = (): TidemarkError => new TidemarkError('IO', 'injected')

describe('who has written nothing yet claims the journal before his snapshot; transactions meanwhile', () => {
  test.each([
    ['wait for that', (write: () => Promise<unknown>) => write(), 'taken'],
    ['are done all the same, when that fails', () => Promise.reject(io()), 'IO'],
    [
      'are done all the same, when nobody knows whether it has',
      async (write: () => Promise<unknown>) => {
        await write()
        throw io()
      },
      'IO',
    ],
  ])('%s', async (_what, end, outcome) => {
    const real = await begun()
    const fault: Parameters<typeof meeting>[1] = {}
    const db = await open(meeting(real, fault))
    const order: string[] = []
    const done = (text: string): Promise<unknown> => db.execute('note', { text }).then(() => order.push(text))
    const calls: Promise<unknown>[] = []
    fault.next = async (write) => {
      calls.push(done('1'), done('2'))
      await new Promise<void>((resolve) => setImmediate(resolve))
      calls.push(done('3'))
      expect(order).toEqual([])
      return end(write)
    }
    const taken = await db.snapshot().then(
      () => 'taken',
      (error: { code?: string }) => error.code,
    )
    expect(taken).toBe(outcome)
    expect(calls).toHaveLength(3)
    await Promise.all(calls)
    expect(order).toEqual(['1', '2', '3'])
    await db.snapshot()
    await db.execute('note', { text: '4' })
    await db.close()
    await using again = await open(real)
    expect([again.state.log, again.recovery.dropped]).toEqual([['0', '1', '2', '3', '4'], []])
  })

  test.each([[0], [1]])('of which it is not known whether one was written, asked %i times in vain', async (inVain) => {
    for (const isWritten of [true, false]) {
      const real = await begun()
      const { back, faults, readErrors } = faultyBack(real)
      const db = await open(back)
      faults.push(async (commit, proposal) => {
        if (isWritten) await commit()
        // As far as it gets before the disk fails.
        else proposal.decide([undefined])
        throw io()
      })
      readErrors.push(io(), ...Array.from({ length: inVain }, io))
      await expect(db.execute('note', { text: '1' })).rejects.toMatchObject({ code: 'IO' })
      await db.snapshot()
      await db.execute('note', { text: '2' })
      await db.snapshot()
      await db.close()
      await using again = await open(real)
      expect([again.state.log, again.recovery.dropped]).toEqual([isWritten ? ['0', '1', '2'] : ['0', '2'], []])
    }
  })
})
