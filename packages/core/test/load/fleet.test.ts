import { describe, expect, it, vi } from 'vitest'
import { SeededRandom } from '@tidemark/testkit'
import type { Store } from '../../src/index.ts'
import { slow, VirtualFleet } from './support/fleet.ts'

const SECOND = 1_000

describe('a fleet', () => {
  it.each([0, 3])('loads once for forty callers in two processes, %d ms from the back tier', async (delayMs) => {
    const fleet = new VirtualFleet()
    const [a, b] = [fleet.open(delayMs), fleet.open(delayMs)]
    const loads = [slow(a.clock, 500, 'from a'), slow(b.clock, 500, 'from b')]
    const values = await fleet.run(() =>
      Promise.all(Array.from({ length: 40 }, (_, i) => [a, b][i % 2]!.store.getOrSet('k', loads[i % 2]!.load))),
    )
    expect(new Set(values).size).toBe(1)
    expect(loads[0]!.calls.length + loads[1]!.calls.length).toBe(1)
    // Those who waited heard of the commit when it was there.
    expect(fleet.now).toBeLessThan(500 + 20 * (delayMs + 1))
  })

  it('takes over from a process that died, when its lease is up', async () => {
    const fleet = new VirtualFleet()
    const [a, b] = [fleet.open(), fleet.open()]
    const dying = slow(a.clock, SECOND, 'never')
    void a.store.getOrSet('k', dying.load, { leaseMs: 5 * SECOND }).catch(() => undefined)
    await fleet.elapse(500)
    a.clock.end()
    const next = slow(b.clock, SECOND, 'taken over')
    expect(await fleet.run(() => b.store.getOrSet('k', next.load))).toBe('taken over')
    expect([dying.calls.length, next.calls.length]).toEqual([1, 1])
    // The lease, the load, and the last try.
    expect(fleet.now).toBeLessThanOrEqual(5 * SECOND + SECOND + 200)
  })

  it('does not take over from a process that takes longer than its lease, and renews it', async () => {
    const fleet = new VirtualFleet()
    const [a, b] = [fleet.open(), fleet.open()]
    const long = slow(a.clock, 20 * SECOND, 'at last')
    const none = slow(b.clock, 1, 'too early')
    const values = await fleet.run(async () => {
      const reading = a.store.getOrSet('k', long.load, { leaseMs: SECOND })
      await fleet.after(10)
      return Promise.all([reading, b.store.getOrSet('k', none.load)])
    })
    expect(values).toEqual(['at last', 'at last'])
    expect(none.calls).toHaveLength(0)
  })

  it('refuses the result of a process that stood still until others had taken over', async () => {
    const fleet = new VirtualFleet()
    const [a, b] = [fleet.open(), fleet.open()]
    const frozen = slow(a.clock, 100, 'old')
    const reading = a.store.getOrSet('k', frozen.load, { leaseMs: SECOND })
    await fleet.elapse(50)
    a.clock.stop()
    const next = slow(b.clock, 100, 'new')
    expect(await fleet.run(() => b.store.getOrSet('k', next.load))).toBe('new')
    a.clock.resume()
    expect(await fleet.run(() => reading)).toBe('new')
    expect(await fleet.run(() => b.store.get('k'))).toBe('new')
    expect((await fleet.run(() => b.store.entry('k')))!.version).toBe(1)
  })

  it('loads in each process when loaders fail: the lease is given back at once', async () => {
    const fleet = new VirtualFleet()
    const [a, b] = [fleet.open(), fleet.open()]
    const failure = new Error('down for a')
    const failing = slow(a.clock, 500, failure)
    const next = slow(b.clock, 500, 'up for b')
    const [first, second] = await fleet.run(async () => {
      const one = a.store.getOrSet('k', failing.load, { leaseMs: 60 * SECOND })
      await fleet.after(10)
      return Promise.allSettled([one, b.store.getOrSet('k', next.load)])
    })
    expect(first).toEqual({ status: 'rejected', reason: failure })
    expect(second).toEqual({ status: 'fulfilled', value: 'up for b' })
    expect(fleet.now).toBeLessThanOrEqual(10 + 1000 + 200)
  })

  it('hears that nothing was found, which is remembered', async () => {
    const fleet = new VirtualFleet()
    const [a, b] = [fleet.open(), fleet.open()]
    const loads = [slow(a.clock, 500, undefined), slow(b.clock, 500, undefined)]
    const options = { negativeTtlMs: 60 * SECOND }
    const values = await fleet.run(() =>
      Promise.all([a, b].map(({ store }, i) => store.getOrSet('k', loads[i]!.load, options))),
    )
    expect(values).toEqual([undefined, undefined])
    expect(loads[0]!.calls.length + loads[1]!.calls.length).toBe(1)
  })

  it('refreshes ahead in one process', async () => {
    const fleet = new VirtualFleet()
    const members = [fleet.open(), fleet.open(), fleet.open()]
    const options = { ttlMs: 100 * SECOND, jitter: 0, refreshAheadFraction: 0.5 }
    await fleet.run(() => members[0]!.store.getOrSet('k', () => 'first', options))
    await fleet.elapse(60 * SECOND)
    const loads = members.map(({ clock }) => slow(clock, 500, 'second'))
    const hits = await fleet.run(() =>
      Promise.all(members.map(({ store }, i) => store.getOrSet('k', loads[i]!.load, options))),
    )
    expect(hits).toEqual(['first', 'first', 'first'])
    await fleet.elapse(SECOND)
    expect(await fleet.run(() => members[2]!.store.get('k'))).toBe('second')
    expect(loads.flatMap(({ calls }) => calls)).toHaveLength(1)
  })

  it('pauses after a refresh that failed, and tries again', async () => {
    const fleet = new VirtualFleet()
    const { store, clock, errors } = fleet.open()
    const options = { ttlMs: 100 * SECOND, jitter: 0, refreshAheadFraction: 0.5 }
    await fleet.run(() => store.getOrSet('k', () => 'first', options))
    await fleet.elapse(60 * SECOND)
    const failing = slow(clock, 10, new Error('down'))
    const hit = (): Promise<void> =>
      fleet.run(async () => {
        expect(await store.getOrSet('k', failing.load, options)).toBe('first')
        await fleet.after(100)
      })
    for (let i = 0; i < 5; i++) await hit()
    expect([failing.calls.length, errors.length]).toEqual([1, 1])
    await fleet.elapse(SECOND)
    await hit()
    expect([failing.calls.length, errors.length]).toEqual([2, 2])
  })

  it('stops to wait for the load of another process when nobody waits for it', async () => {
    const fleet = new VirtualFleet()
    const [a, b] = [fleet.open(), fleet.open()]
    const hung = slow(a.clock, 10 ** 9, 'never')
    void a.store.getOrSet('k', hung.load, { hardTimeoutMs: Infinity }).catch(() => undefined)
    const late = b.store.getOrSet('k', () => 'never either', { hardTimeoutMs: SECOND })
    await expect(fleet.run(() => late)).rejects.toMatchObject({ code: 'LOAD_TIMEOUT' })
    await fleet.elapse(SECOND)
    const acquire = vi.spyOn(b.back.leases, 'acquire')
    await fleet.elapse(5 * SECOND)
    expect(acquire).not.toHaveBeenCalled()
    expect(b.errors).toEqual([])
  })

  it('gives up on a load that never ends, and loads again', async () => {
    const fleet = new VirtualFleet()
    const [a, b] = [fleet.open(), fleet.open()]
    const hung = slow(a.clock, 10 ** 9, 'never')
    const options = { hardTimeoutMs: 2 * SECOND, leaseMs: SECOND }
    const timedOut = a.store.getOrSet('k', hung.load, options)
    await expect(fleet.run(() => timedOut)).rejects.toMatchObject({ code: 'LOAD_TIMEOUT' })
    expect(fleet.now).toBe(2 * SECOND)
    expect(hung.calls[0]!.signal.aborted).toBe(false)
    const next = slow(b.clock, 10, 'again')
    expect(await fleet.run(() => b.store.getOrSet('k', next.load))).toBe('again')
    await fleet.elapse(2 * SECOND)
    expect(hung.calls[0]!.signal.aborted).toBe(true)
    await fleet.run(() => b.store.delete('k'))
    // In the process that hung, too.
    expect(await fleet.run(() => a.store.getOrSet('k', () => 'here too', options))).toBe('here too')
  })

  it('gives the lease back when a process closes its store', async () => {
    const fleet = new VirtualFleet()
    const [a, b] = [fleet.open(), fleet.open()]
    const held = slow(a.clock, 10 ** 9, 'never')
    const reading = a.store.getOrSet('k', held.load, { leaseMs: 3_600_000 }).catch((error: unknown) => error)
    await fleet.elapse(50)
    await fleet.run(() => a.store.close())
    expect(await reading).toMatchObject({ code: 'CLOSED' })
    expect(await fleet.run(() => b.store.getOrSet('k', () => 'next'))).toBe('next')
    expect(fleet.now).toBeLessThan(SECOND)
  })

  it('starts anew in the process whose load was overtaken by another one, as soon as it knows', async () => {
    const fleet = new VirtualFleet()
    const [a, b] = [fleet.open(), fleet.open()]
    const old = slow(a.clock, 10 * SECOND, 'old')
    const load: typeof old.load = (context) => (old.calls.length === 0 ? old.load(context) : Promise.resolve('new'))
    const reading = a.store.getOrSet('k', load, { leaseMs: 3 * SECOND })
    await fleet.elapse(500)
    await fleet.run(() => b.store.delete('k'))
    await fleet.elapse(SECOND)
    expect(await fleet.run(() => a.store.getOrSet('k', () => 'newest'))).toBe('new')
    expect(await fleet.run(() => reading)).toBe('new')
    expect(fleet.now).toBeLessThan(3 * SECOND)
  })

  it('loads once, whenever the second process asks', async () => {
    const fleet = new VirtualFleet()
    const [a, b] = [fleet.open(3), fleet.open(3)]
    for (let i = 0; i < 60; i++) {
      const loads = [slow(a.clock, 20, i), slow(b.clock, 20, i)]
      await fleet.run(async () => {
        const reading = a.store.getOrSet(['k', i], loads[0]!.load)
        await fleet.after(i)
        return Promise.all([reading, b.store.getOrSet(['k', i], loads[1]!.load)])
      })
      expect(loads.flatMap(({ calls }) => calls)).toHaveLength(1)
    }
  })

  const outdating: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
    'a delete': (store) => store.delete('k'),
    'the invalidation of a tag': (store) => store.invalidateTag('t'),
  }

  it.each(Object.keys(outdating))('never serves, to who asks after %s, what was loaded before it', async (name) => {
    for (let seed = 1; seed <= 6; seed++) {
      const fleet = new VirtualFleet()
      const random = new SeededRandom(seed)
      // As a back tier far away: mostly quick, and at times not at all.
      const delay = (): number => (random.chance(0.5) ? 0 : random.between(0, 12))
      const members = [fleet.open(delay), fleet.open(delay)]
      let source = 0
      let acknowledged = 0
      const load = async (): Promise<number> => {
        const seen = source
        await fleet.after(random.between(0, 7))
        return seen
      }
      const read = async (): Promise<number> => {
        const least = acknowledged
        const seen = await members[random.between(0, 1)]!.store.getOrSet('k', load, { tags: ['t'] })
        expect(seen).toBeGreaterThanOrEqual(least)
        return seen!
      }
      await fleet.run(async () => {
        const reading: Promise<number>[] = []
        for (let i = 1; i <= 150; i++) {
          for (let n = random.between(0, 3); n > 0; n--) reading.push(read())
          await fleet.after(random.between(0, 24))
          source = i
          await outdating[name]!(members[random.between(0, 1)]!.store)
          acknowledged = i
          for (let n = random.between(0, 3); n > 0; n--) reading.push(read())
        }
        await Promise.all(reading)
      })
    }
  })
})
