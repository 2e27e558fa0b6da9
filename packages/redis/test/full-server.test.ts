import { systemClock } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import { change, fillOf, key } from './support/changes.ts'
import { failureOf, failOnUnhandledRejections, withServer } from './support/failing-calls.ts'
import { rawClient, readNow, readyFront } from './support/fronts.ts'

failOnUnhandledRejections()

test('a full server refuses fills, and still takes invalidations', () =>
  withServer(async (server) => {
    const front = await readyFront(server)
    await front.apply([change(1, key('a'), 1)], 'install')
    await rawClient(server).config('SET', 'maxmemory', '1')
    expect((await failureOf(front.fill([fillOf(key('b'), 1, 1, 1)]))).message).toMatch(
      /its memory is full; raise maxmemory/,
    )
    expect(await front.apply([change(2, key('a'), 2)], 'invalidate')).toEqual(['removed'])
    expect(await readNow(front, [key('a')])).toEqual([undefined])
  }))

describe('a full server that evicts nothing', () => {
  function settable() {
    let monotonic = 0
    return { clock: { ...systemClock, monotonic: () => monotonic }, later: () => void (monotonic += 1_000) }
  }

  test('has what changes replace removed, and is given nothing to hold until a second has passed', () =>
    withServer(async (server) => {
      const { clock, later } = settable()
      const front = await readyFront(server, { clock })
      const events: string[] = []
      front.on((event) => void events.push(event.type))
      await front.apply([change(1, key('a'), 'old')], 'install')
      const raw = rawClient(server)
      await raw.config('SET', 'maxmemory', '1')
      expect(await front.apply([change(2, key('a'), 'x'), change(3, key('b'), 'x')], 'install')).toEqual([
        'removed',
        'removed',
      ])
      expect(await readNow(front, [key('a')])).toEqual([undefined])
      expect(front.stats()).toMatchObject({ full: true, status: 'ready' })
      const { roundTrips } = front.stats()
      expect(await front.fill([fillOf(key('b'), 'x', 3, 3)])).toEqual(['fenced'])
      expect(front.stats().roundTrips).toBe(roundTrips)
      await raw.config('SET', 'maxmemory', '0')
      expect(await front.apply([change(4, key('a'), 'x')], 'install')).toEqual(['removed'])
      expect(events).toEqual(['full'])
      later()
      expect(front.stats().full).toBe(false)
      expect(events).toEqual(['full'])
      expect(await front.apply([change(5, key('a'), 'new')], 'install')).toEqual(['installed'])
      expect(await front.apply([change(6, key('a'), 'newer')], 'install')).toEqual(['installed'])
      expect(events).toEqual(['full', 'room'])
    }))

  test('takes no more memory than it may, however much is written', () =>
    withServer(async (server) => {
      const { clock, later } = settable()
      const front = await readyFront(server, { clock })
      const raw = rawClient(server)
      const used = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await raw.info('memory'))![1])
      const limit = (await used()) + 4_000_000
      await raw.config('SET', 'maxmemory', String(limit))
      const value = 'x'.repeat(10_000)
      for (let seq = 1; seq <= 2_000; seq += 50) {
        const changes = Array.from({ length: 50 }, (_, i) => change(seq + i, key('k', seq + i), value))
        await front.apply(changes, 'install')
        later()
      }
      // One batch may pass the limit, and the server's buffers come and go.
      expect(await used()).toBeLessThan(limit + 4_000_000)
    }))
})
