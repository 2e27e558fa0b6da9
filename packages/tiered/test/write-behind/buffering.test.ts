import { describe, expect, test } from 'vitest'
import { Fleet, keyOf } from '../support/fleet.ts'

const patient = { writePolicy: 'write-behind', writeBehind: { maxAgeMs: 60_000 } } as const

describe('a write behind', () => {
  test('is read at once, and committed by the flush, the latest of each key', async () => {
    const { store, tiers, sqlite } = await new Fleet().open({ near: true, ...patient })
    expect(await store.set('a', 1)).toMatchObject({ version: 0 })
    await store.set('a', 2)
    await store.setMany([
      ['b', 3],
      ['c', 4],
    ])
    expect([await store.get('a'), await store.has('b'), await sqlite.log.head()]).toEqual([2, true, 0])
    expect([...(await store.getMany(['a', 'b', 'c', 'd'])).values()]).toEqual([2, 3, 4])
    await tiers.flush()
    expect(await sqlite.log.head()).toBe(3)
    expect((await sqlite.readOne(keyOf('a'))).entry?.payload.read()).toBe(2)
    expect(await store.entry('a')).toMatchObject({ value: 2, version: 1 })
  })

  test('outlives its process', async () => {
    const fleet = new Fleet()
    const { store } = await fleet.open({ ...patient, writeBehind: { maxAgeMs: 60_000, leaseMs: 100 } })
    await store.set('a', 1)
    await store.set('a', 2)
    const other = await fleet.open()
    expect(await other.store.get('a')).toBeUndefined()
    await new Promise((resolve) => setTimeout(resolve, 150))
  })
})
