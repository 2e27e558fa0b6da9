import { createNearMemory, StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { change, faultyFront, filling } from '../src/index.ts'

const KEYS = [StoreKey.of('a')]

describe('faultyFront', () => {
  it('passes calls on', async () => {
    const front = faultyFront(createNearMemory())
    expect(await front.fill([filling('a', 1, 1, 1)])).toEqual(['installed'])
    expect((await front.read(KEYS))[0]!.entry!.version).toBe(1)
    await front.clear()
    expect(await front.read(KEYS)).toEqual([undefined])
  })

  it('drops a call before it arrives, or only its reply', async () => {
    const real = createNearMemory()
    const faults = ['drop-before', 'drop-after'] as const
    const front = faultyFront(real, ({ method, nth }) => (method === 'apply' ? faults[nth] : undefined))
    const apply = (seq: number): Promise<unknown> => front.apply([change(seq, 'a', seq)], 'install')
    await expect(apply(1)).rejects.toMatchObject({ code: 'FRONT_UNAVAILABLE', retryable: true, tier: 'near' })
    expect(await real.read(KEYS)).toEqual([undefined])
    await expect(apply(2)).rejects.toMatchObject({ code: 'FRONT_UNAVAILABLE' })
    expect((await real.read(KEYS))[0]!.entry!.version).toBe(2)
    await expect(apply(3)).resolves.toEqual(['installed'])
    front.inject(() => 'drop-before')
    await expect(front.read(KEYS)).rejects.toMatchObject({ code: 'FRONT_UNAVAILABLE' })
    front.inject(undefined)
    await expect(front.read(KEYS)).resolves.toHaveLength(1)
  })

  it.each(['before', 'after'] as const)(
    'holds calls %s they are executed, until it is told to let them go',
    async (where) => {
      const real = createNearMemory()
      const front = faultyFront(real)
      const hold = front.hold('fill', where)
      const ended: number[] = []
      const fills = [1, 2].map((version) =>
        front.fill([filling('a', version, version, version)]).then(() => ended.push(version)),
      )
      await hold.arrived(2)
      expect((await real.read(KEYS))[0]?.entry?.version).toBe(where === 'before' ? undefined : 2)
      expect(ended).toEqual([])
      hold.release()
      await Promise.all(fills)
      expect(ended).toEqual([1, 2])
      expect((await real.read(KEYS))[0]!.entry!.version).toBe(2)
      await front.fill([filling('a', 3, 3, 3)])
    },
  )
})
