import { describe, expect, it, onTestFinished } from 'vitest'
import { type Back, createMemoryBack, Store, StoreKey, systemClock } from '../../src/index.ts'
import { type WatchedBack, WaitedKeys } from '../../src/load/waited-keys.ts'
import { type Member, slow, VirtualFleet } from './support/fleet.ts'

const SECOND = 1_000
const KEYS = 200

interface Asked {
  acquire: number
  remaining: number
  readOne: number
}

/** Counts what the process asks its back tier from now on. */
function countCalls({ back }: Member): Asked {
  const asked: Asked = { acquire: 0, remaining: 0, readOne: 0 }
  const { leases } = back
  const acquire = leases.acquire.bind(leases)
  const remaining = leases.remaining.bind(leases)
  const readOne = back.readOne.bind(back)
  back.readOne = (...args) => (asked.readOne++, readOne(...args))
  leases.acquire = (...args) => (asked.acquire++, acquire(...args))
  leases.remaining = (...args) => (asked.remaining++, remaining(...args))
  return asked
}

describe('waiting for the loads of another process', () => {
  it('costs the same for many keys as for one, while others write, and ends with each commit', async () => {
    const fleet = new VirtualFleet()
    const [a, b] = [fleet.open(), fleet.open()]
    const loads = slow(a.clock, 5 * SECOND, 'loaded')
    const none = slow(b.clock, 1, 'not here')
    const keys = Array.from({ length: KEYS }, (_, i) => ['k', i])
    const asked = countCalls(b)
    const values = await fleet.run(async () => {
      const loading = Promise.all(keys.map((key) => a.store.getOrSet(key, loads.load)))
      await fleet.after(10)
      const waiting = Promise.all(keys.map((key) => b.store.getOrSet(key, none.load)))
      for (let i = 0; i < 400; i++) {
        await fleet.after(10)
        await a.store.set('other', i)
      }
      await loading
      return waiting
    })
    expect(new Set(values)).toEqual(new Set(['loaded']))
    expect(none.calls).toHaveLength(0)
    expect(fleet.now).toBeLessThan(5 * SECOND + 50)
    // The first read, one when it waits, and one when it has come.
    expect(asked.readOne).toBeLessThanOrEqual(4 * KEYS)
    expect(asked.acquire).toBe(KEYS)
    expect(asked.remaining).toBeLessThanOrEqual((5 * SECOND) / 50 + 1)
  })

  it('is over soon after a lease was given back, which is no change of the log', async () => {
    const fleet = new VirtualFleet()
    const [a, b] = [fleet.open(), fleet.open()]
    const failing = slow(a.clock, SECOND, new Error('down'))
    const next = slow(b.clock, 1, 'up')
    const value = await fleet.run(async () => {
      a.store.getOrSet('k', failing.load, { leaseMs: 60 * SECOND }).catch(() => undefined)
      await fleet.after(10)
      return b.store.getOrSet('k', next.load)
    })
    expect(value).toBe('up')
    expect(fleet.now).toBeLessThanOrEqual(SECOND + 100)
  })

  it('is not for ever, when nobody waits any more', async () => {
    const fleet = new VirtualFleet()
    const [a, b] = [fleet.open(), fleet.open()]
    const hanging = slow(a.clock, 3_600 * SECOND, 'late')
    const none = slow(b.clock, 1, 'not here')
    a.store.getOrSet('k', hanging.load, { hardTimeoutMs: Infinity }).catch(() => undefined)
    const asked = countCalls(b)
    await fleet.run(async () => {
      await fleet.after(10)
      await expect(b.store.getOrSet('k', none.load, { hardTimeoutMs: SECOND })).rejects.toMatchObject({
        code: 'LOAD_TIMEOUT',
      })
      await fleet.after(2 * SECOND)
    })
    const { remaining } = asked
    await fleet.elapse(10 * SECOND)
    expect([asked.remaining, none.calls]).toEqual([remaining, []])
  })
})

describe('waited keys', () => {
  function open(): { back: Back; waited: WaitedKeys; fleet: VirtualFleet } {
    const fleet = new VirtualFleet()
    const { back, clock } = fleet.open()
    return { back, waited: WaitedKeys.of(back, clock), fleet }
  }

  it('are woken by a change of theirs, and of nobody else’s', async () => {
    const { waited, fleet } = open()
    const writer = fleet.open()
    await fleet.run(async () => {
      const woken: string[] = []
      for (const key of ['a', 'b']) {
        const place = await waited.enter(StoreKey.of(key))
        await writer.back.leases.acquire(StoreKey.of(key), 60 * SECOND)
        void place.woken.then(() => woken.push(key))
      }
      await writer.store.set('c', 1)
      await fleet.after(SECOND)
      expect(woken).toEqual([])
      await writer.store.set('b', 1)
      await fleet.after(1)
      expect(woken).toEqual(['b'])
    })
  })

  it('are woken when the log cannot be followed, to look for themselves', async () => {
    const back = createMemoryBack({ maxLogChanges: 10 })
    onTestFinished(() => back.close())
    const { log, leases } = back
    const grown = Promise.withResolvers<void>()
    const late: WatchedBack['log'] = {
      head: () => log.head(),
      read: (options) => log.read(options),
      wait: () => grown.promise,
    }
    const waited = WaitedKeys.of({ log: late, leases }, systemClock)
    await leases.acquire(StoreKey.of('k'), 60 * SECOND)
    const place = await waited.enter(StoreKey.of('k'))
    const store = new Store(back)
    for (let i = 0; i < 50; i++) await store.set('other', i)
    await expect(log.read({ after: 0, limit: 1 })).rejects.toMatchObject({ code: 'LOG_COMPACTED' })
    grown.resolve()
    await place.woken
    place.leave()
  })
})
