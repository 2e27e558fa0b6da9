import { StoreKey } from '@tidemark/core'
import { ManualClock } from '@tidemark/testkit'
import { expect, test } from 'vitest'
import { openTemp } from './support/temp.ts'
import { blind, setOf } from './support/writes.ts'

const TTL = 30_000
const key = StoreKey.of('k')

// A wall clock that stands to the millisecond, or steps back by just what has passed, as a paused virtual machine's does.
test.each([1, 2, 3, 4, 6])(
  'who renews a lease holds it, for who looks after every %s renewals, while the clock stands',
  async (renewals) => {
    const clock = new ManualClock()
    const back = openTemp({ clock })
    const other = openTemp({ file: back.file, clock })
    const { lease } = await back.leases.acquire(key, TTL)
    for (let look = 0; look < 6; look++) {
      expect((await other.leases.remaining([key]))[0]).toBeGreaterThan(0)
      expect((await other.leases.acquire(key, TTL)).lease).toBeUndefined()
      for (let i = 0; i < renewals; i++) {
        clock.advance(TTL / 3)
        clock.step(-TTL / 3)
        expect(await back.leases.renew(lease!, TTL)).toBe(true)
      }
    }
    await back.commit({ ...blind(setOf('k', 'mine')), lease: lease! })
  },
)

test('that one who looks has shortened a lease is no sign of life to another', async () => {
  const clock = new ManualClock()
  const back = openTemp({ clock })
  const [one, another] = [openTemp({ file: back.file, clock }), openTemp({ file: back.file, clock })]
  await back.leases.acquire(key, TTL)
  clock.step(-10 * TTL)
  await another.leases.remaining([key])
  clock.advance(TTL / 3)
  expect((await one.leases.acquire(key, TTL)).lease).toBeUndefined()
  clock.step(-TTL)
  expect(await another.leases.remaining([key])).toEqual([(TTL * 2) / 3])
  clock.advance((TTL * 2) / 3)
  expect(await another.leases.remaining([key])).toEqual([0])
  expect((await another.leases.acquire(key, TTL)).lease).toMatchObject({ token: 2 })
})
