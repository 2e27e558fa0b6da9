import { type Back, Payload, prefixRange, reservedKey } from '@tidemark/core'
import { ShiftedClock } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { journal, prevalent, states } from '../src/index.ts'
import { bank, transactions } from './support/bank.ts'
import { mortalBack } from './support/mortal-back.ts'
import { openTemp } from './support/temp.ts'

const ignore = (): void => {}
// Not snapshots of their own: they are taken where the scenario says.
const options = { name: 'bank', initial: bank, transactions, snapshotEvery: 0, leaseMs: 60_000, onError: ignore }

/** Every step at which a process can die: after so many writes, the last one done or not. Ends where it does not die. */
async function atEveryStep(check: (lives: number, isLastDone: boolean) => Promise<boolean>): Promise<number> {
  for (let lives = 0; ; lives++) {
    let died = false
    for (const isLastDone of [true, false]) died = (await check(lives, isLastDone)) || died
    if (!died) return lives
  }
}

// There are some dozens of steps.
const timeout = 120_000

describe('a process that dies at any step', { timeout }, () => {
  test('of executes, snapshots and the removal of what they replace: what was acknowledged is there, the next open succeeds', async () => {
    const run = async (back: Back, acknowledged: string[]): Promise<void> => {
      const db = await prevalent({ store: back, ...options, initial: () => ({ ...bank(), log: filler }) })
      const note = async (text: string): Promise<void> => {
        await db.execute('note', { text })
        acknowledged.push(text)
      }
      for (const round of ['a', 'b', 'c']) {
        await note(`${round}1`)
        await Promise.all([note(`${round}2`), db.snapshot(), note(`${round}3`)])
      }
      await db.close()
    }
    // Of several parts.
    const filler = Array.from({ length: 5_000 }, (_, i) => `filler ${i}`)
    const steps = await atEveryStep(async (lives, isLastDone) => {
      const clock = new ShiftedClock()
      const { back: real } = openTemp({ clock })
      const { back, writes } = mortalBack(real, lives, isLastDone)
      const acknowledged: string[] = []
      await run(back, acknowledged).catch(ignore)
      const isDead = writes() > lives
      // The lease of the dead is over.
      clock.step(61_000)
      const db = await prevalent({ store: real, ...options, initial: () => ({ ...bank(), log: filler }) })
      const log = db.state.log.slice(filler.length)
      expect(log).toEqual(expect.arrayContaining(acknowledged))
      // Nothing partial, nothing twice; of what was not acknowledged, at most one group.
      expect(log).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'b3', 'c1', 'c2', 'c3'].slice(0, log.length))
      expect(log.length - acknowledged.length).toBeLessThanOrEqual(2)
      expect([db.number, db.recovery.dropped]).toEqual([log.length, []])
      await db.execute('note', { text: 'after' })
      await db.snapshot()
      await db.close()
      // What is left: the parts of the snapshots that there are, and no more.
      const numbersOf = async (kind: string): Promise<unknown[]> => {
        const range = prefixRange(reservedKey('state', kind, 'bank').tuple)
        return (await real.marks.scan(range, { after: undefined, limit: 1_000 })).map(({ key }) => key.tuple[4])
      }
      expect([...new Set(await numbersOf('snapshot-part'))]).toEqual(await numbersOf('snapshot'))
      const again = await prevalent({ store: real, ...options })
      expect([again.recovery.snapshot, again.state.log.at(-1)]).toEqual([again.number, 'after'])
      await again.close()
      await real.close()
      return isDead
    })
    expect(steps).toBeGreaterThan(20)
  })

  test('of a saveAll: the states are those of one save', async () => {
    const steps = await atEveryStep(async (lives, isLastDone) => {
      const { back: real } = openTemp()
      const { back, writes } = mortalBack(real, lives, isLastDone)
      let acknowledged = 0
      const run = async (): Promise<void> => {
        const app = await states(back, { keepSaves: 2 })
        const one = app.define('one', 0)
        const two = app.define('two', 0)
        for (let i = 1; i <= 4; i++) {
          one.value = i
          two.value = -i
          await app.saveAll()
          acknowledged = i
        }
      }
      await run().catch(ignore)
      const app = await states(real)
      const [one, two] = [app.define('one', 0).value, app.define('two', 0).value]
      expect([two + one, one >= acknowledged, one <= acknowledged + 1]).toEqual([0, true, true])
      await app.saveAll()
      await real.close()
      return writes() > lives
    })
    expect(steps).toBe(4)
  })

  test.each([
    [3, 3],
    [1, 5],
  ])('of putting a damaged tail aside: it is put aside the next time; from %d on', async (damaged, moved) => {
    const whole = ['1', '2', '3', '4', '5'].slice(0, damaged - 1)
    const steps = await atEveryStep(async (lives, isLastDone) => {
      const clock = new ShiftedClock()
      const { back: real, store } = openTemp({ clock })
      const log = await journal({ store: real, name: 'bank' })
      await log.close()
      const db = await prevalent({ store: real, ...options })
      for (const text of ['1', '2', '3', '4', '5']) await db.execute('note', { text })
      await db.close()
      await store.set(['bank', 'journal', damaged], 'torn')
      const { back, writes } = mortalBack(real, lives, isLastDone)
      await prevalent({ store: back, ...options }).then((opened) => opened.close(), ignore)
      clock.step(61_000)
      const again = await prevalent({ store: real, ...options })
      expect(again.state.log).toEqual(whole)
      await again.execute('note', { text: 'again' })
      await again.close()
      const last = await prevalent({ store: real, ...options })
      expect([last.state.log, last.recovery.dropped]).toEqual([[...whole, 'again'], []])
      await last.close()
      await real.close()
      return writes() > lives
    })
    expect(steps).toBe(moved)
  })

  test('of doing without what diverges, in the middle of a record: it is done the next time', async () => {
    const changed = {
      ...transactions,
      note: (tx: Parameters<typeof transactions.note>[0], { text }: { text: string }) =>
        void tx.state.log.push(text === '3' ? 'three' : text),
    }
    const steps = await atEveryStep(async (lives, isLastDone) => {
      const clock = new ShiftedClock()
      const { back: real, store } = openTemp({ clock })
      const db = await prevalent({ store: real, ...options })
      await Promise.all(['1', '2', '3', '4'].map((text) => db.execute('note', { text })))
      for (const text of ['5', '6']) await db.execute('note', { text })
      await db.close()
      const { back, writes } = mortalBack(real, lives, isLastDone)
      const given = { ...options, transactions: changed, recover: 'last-good' } as const
      await prevalent({ store: back, ...given }).then((opened) => opened.close(), ignore)
      clock.step(61_000)
      const again = await prevalent({ store: real, ...given })
      expect(again.state.log).toEqual(['1', '2'])
      await again.execute('note', { text: '3' })
      await again.close()
      const last = await prevalent({ store: real, ...given })
      expect([last.state.log, last.recovery.dropped]).toEqual([['1', '2', 'three'], []])
      await last.close()
      // Nothing is lost, whatever is there twice.
      const dropped = await Array.fromAsync(store.entries<{ first: number }>({ prefix: ['bank', 'dropped'] }))
      expect(new Set(dropped.map(({ value }) => value.first))).toEqual(new Set([1, 5, 6]))
      await real.close()
      return writes() > lives
    })
    expect(steps).toBe(3)
  })

  test('of making up for snapshots that are all damaged: it is done the next time', async () => {
    const all = { ...options, keepJournal: 'all', keepSnapshots: 2 } as const
    const filler = Array.from({ length: 5_000 }, (_, i) => `filler ${i}`)
    const initial = () => ({ ...bank(), log: filler })
    const steps = await atEveryStep(async (lives, isLastDone) => {
      const clock = new ShiftedClock()
      const { back: real } = openTemp({ clock })
      const db = await prevalent({ store: real, ...all, initial })
      await db.execute('note', { text: '1' })
      await db.snapshot()
      await db.close()
      const value = Payload.encode(real.codec, 'torn')
      const heads = [0, 1].map((number) => reservedKey('state', 'snapshot', 'bank', number))
      await real.marks.write(heads.map((key) => ({ key, value })))
      const { back, writes } = mortalBack(real, lives, isLastDone)
      await prevalent({ store: back, ...all, initial }).then((opened) => opened.close(), ignore)
      clock.step(61_000)
      const again = await prevalent({ store: real, ...all, initial })
      expect(again.state.log).toEqual([...filler, '1'])
      await again.close()
      const last = await prevalent({ store: real, ...all, initial })
      expect([last.state.log.length, last.recovery]).toEqual([5_001, { snapshot: 1, replayed: 0, dropped: [] }])
      await last.close()
      await real.close()
      return writes() > lives
    })
    expect(steps).toBeGreaterThan(5)
  })
})
