import { commit, setting, valueOf } from '@tidemark/testkit'
import { describe, expect, it } from 'vitest'
import { createMemoryBack, type MemoryBackOptions, StoreKey } from '../../src/index.ts'

describe('memory back tier', () => {
  it('answers reads of one key without a promise', async () => {
    await using back = createMemoryBack({ name: 'ram' })
    await commit(back, setting('a', 1))
    const found = back.readOne(StoreKey.of('a'))
    expect(found).toMatchObject({ asOf: 1, tier: 'ram', entry: { version: 1 } })
  })

  it('hands out what nobody can change', async () => {
    await using back = createMemoryBack()
    const { changes } = await commit(back, setting('a', 1))
    const [logged] = (await back.log.read({ after: 0, limit: 1 })).changes
    for (const shared of [back.readOne(StoreKey.of('a')).entry, changes, changes[0], logged]) {
      expect(Object.isFrozen(shared)).toBe(true)
    }
  })

  it('shares nothing with another store', async () => {
    await using one = createMemoryBack()
    await using other = createMemoryBack()
    await commit(one, setting('a', 1))
    expect([await valueOf(other, 'a'), await other.log.head()]).toEqual([undefined, 0])
  })

  it.each([
    [{ maxLogChanges: 0 }, RangeError],
    [{ maxLogChanges: 1.5 }, RangeError],
    [{ file: 'x' }, TypeError],
  ])('refuses %o', (options, error) => {
    expect(() => createMemoryBack(options as MemoryBackOptions)).toThrow(error)
  })
})
