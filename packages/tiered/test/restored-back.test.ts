import { copyFileSync } from 'node:fs'
import { eventually } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { Fleet, heldIn, keyOf, serving, tailed, useRedis } from './support/fleet.ts'

const redis = useRedis()

describe('restores', () => {
  test.each([0, 3])(
    'coherence 15: a backup that is put back is noticed, with %i writes since, and Redis starts anew',
    async (others) => {
      const fleet = new Fleet(redis.server)
      const a = await fleet.open()
      await a.store.setMany([
        ['k', 'kept'],
        ['lost', 'no'],
      ])
      await a.tiers.close()
      const backup = `${fleet.file}.backup`
      copyFileSync(fleet.file, backup)
      const b = await fleet.open()
      await b.store.set('k', 'lost with the disk')
      const { version } = await b.store.set('lost', 'yes')
      await tailed(b, version)
      await b.tiers.close()
      copyFileSync(backup, fleet.file)
      // The same seqs again, for other changes: the watermark is not ahead, it is of another history.
      const c = await fleet.open({ redis: false })
      for (let i = 0; i < others; i++) await c.store.set('other', i)
      await c.tiers.close()
      const d = await fleet.open()
      expect(await d.store.get('k')).toBe('kept')
      expect(await d.store.get('lost')).toBe('no')
      expect((await heldIn(d.front, [keyOf('k')]))[0]?.entry?.payload.read() ?? 'kept').toBe('kept')
    },
  )

  describe.each([false, true])('near memory: %s', (near) => {
    test.each([0, 1, 2, 3])(
      'coherence 15: so is one when nobody had replayed what was lost into Redis, with %i writes since',
      async (others) => {
        const fleet = new Fleet(redis.server)
        const a = await fleet.open({ near })
        const { version: kept } = await a.store.set('k', 'kept')
        await tailed(a, kept)
        await a.tiers.close()
        const backup = `${fleet.file}.backup`
        copyFileSync(fleet.file, backup)
        const b = await fleet.open({ near })
        b.front.inject(({ method }) => (method === 'tail' ? 'drop-before' : undefined))
        await b.store.set('k', 'lost with the disk')
        await b.store.set('lost', 'yes')
        expect((await heldIn(b.front, [keyOf('k')]))[0]?.entry?.payload.read()).toBe('lost with the disk')
        expect((await b.front.look()).watermark).toBe(kept)
        await b.tiers.close()
        copyFileSync(backup, fleet.file)
        const c = await fleet.open({ redis: false })
        for (let i = 0; i < others; i++) await c.store.set('other', i)
        await c.tiers.close()
        const d = await fleet.open({ near })
        expect(await d.store.get('k')).toBe('kept')
        expect(await d.store.get('lost')).toBeUndefined()
        // For a process, too, that looks at a Redis that has been started anew, and for what it serves from there.
        const e = await fleet.open()
        expect(await e.store.get('k')).toBe('kept')
        expect((await heldIn(e.front, [keyOf('k')]))[0]?.entry?.payload.read() ?? 'kept').toBe('kept')
      },
    )
  })

  test('restored() starts every front anew, in every process, near ones included', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b] = await Promise.all([fleet.open({ near: true }), fleet.open({ near: true })])
    await a.store.set('k', 1)
    expect(await b.store.get('k')).toBe(1)
    const { epoch } = a.front.session!
    await a.tiers.restored()
    await eventually('Redis has another epoch', () => {
      const now = b.front.session?.epoch
      return now !== undefined && now !== epoch
    })
    await serving(b)
    expect(await b.store.get('k')).toBe(1)
    expect(b.tiers.log.identity.epoch).toBe(2)
  })
})
