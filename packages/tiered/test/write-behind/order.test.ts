import { describe, expect, test } from 'vitest'
import { Fleet, useRedis } from '../support/fleet.ts'
import { Machine, PATIENT, turns } from './support/machine.ts'

const redis = useRedis()

describe('calls about one key that nobody waits for', () => {
  test('keep their order while the flush that the first one waits for is on its way to Redis', async () => {
    const fleet = new Fleet(redis.server)
    const { store, tiers, front } = await fleet.open({ writePolicy: 'write-behind', writeBehind: PATIENT })
    await store.set('k', 1)
    const held = front.hold('apply')
    const deleted = store.delete('k')
    // Committed by now, and not buffered any more; the fronts have not heard of it.
    await held.arrived()
    const later = [store.set('k', 2), store.update<number>('k', (n) => n! * 10), store.set('k', 3, { ifVersion: 4 })]
    await turns()
    held.release()
    expect((await deleted).version).toBe(2)
    expect(await Promise.all(later)).toMatchObject([{ version: 3 }, { version: 4, old: 2 }, { version: 5 }])
    await tiers.flush()
    expect(await store.get('k')).toBe(3)
  })

  test('keep it where one is decided on too early, within the transaction that decides on the next ones', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await store.set('other', 'behind')
    const read = store.transaction(async (tx) => {
      const k = await tx.get('k')
      // Not read, so that nobody knows before.
      tx.set('other', 'newer')
      return k
    })
    // Its commit is asked for by now, and not decided on.
    for (let i = 0; i < 20; i++) await Promise.resolve()
    const written = store.set('k', 'later', { writePolicy: 'write-through' })
    const [{ value }, { version }] = await Promise.all([read, written])
    await tiers.flush()
    const { changes } = await machine.back.log.read({ after: 0, limit: 9 })
    expect([value, version, changes.map(({ payload }) => payload?.read())]).toEqual([
      undefined,
      3,
      ['behind', 'newer', 'later'],
    ])
  })
})

describe('a tag that is invalidated', () => {
  test('waits for what was written before the call, and not for what is written all the time', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    const commit = machine.back.commit.bind(machine.back)
    let writes = 0
    // Whenever anything is committed, there is something to flush again.
    machine.back.commit = async (...args) => {
      if (writes < 50) void store.set(['w', writes++ % 5], writes)
      return commit(...args)
    }
    await store.set('before', 1, { tags: ['t'] })
    await store.invalidateTag('t')
    expect(tiers.metrics().total.flushes).toBeLessThan(5)
    expect([await store.get('before'), await machine.other.get('before')]).toEqual([undefined, undefined])
    writes = 50
    await tiers.flush()
  })

  test('hides nothing that is written with it after the call, awaited or not', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await store.set('before', 1, { tags: ['t'] })
    const invalidated = store.invalidateTag('t')
    const written = [store.set('after', 1, { tags: ['u', 't'] }), store.set('before', 2, { tags: ['t'] })]
    await tiers.flush()
    await Promise.all([invalidated, ...written])
    await tiers.flush()
    expect([await machine.other.get('before'), await machine.other.get('after')]).toEqual([2, 1])
  })
})
