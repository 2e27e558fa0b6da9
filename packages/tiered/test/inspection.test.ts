import { copyFileSync } from 'node:fs'
import { eventually } from '@tidemark/testkit'
import { lastValueFrom, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { Fleet, heldIn, type Instance, keyOf, serving, useRedis } from './support/fleet.ts'

const redis = useRedis()

/** Resolves when the log has been replayed into Redis up to here. */
async function tailed({ front }: Instance, version: number): Promise<void> {
  await eventually('the tail has passed', async () => ((await front.look()).watermark ?? 0) >= version)
}

describe('explain', () => {
  test('names the tier that answers, and why', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open({ near: true })
    const { version } = await a.store.set('k', 1)
    expect(await a.tiers.explain(keyOf('k'))).toMatchObject({
      key: keyOf('k').id,
      servedBy: 'near',
      near: { record: { kind: 'value', version }, fence: version, behind: 0 },
      fronts: [{ name: 'redis', record: { kind: 'value', version }, fence: version, bypassed: undefined }],
      back: { name: 'sqlite', version },
    })
    const b = await fleet.open()
    const explained = await b.tiers.explain(keyOf('k'))
    expect(explained).toMatchObject({ servedBy: 'redis', near: undefined, fronts: [{ error: undefined }] })
    const [front] = explained.fronts
    expect(front!.epoch).toMatch(/^[0-9a-f]{8}$/)
    expect(front!.epoch).toBe(front!.agreedEpoch)
    expect(front!.certificate!.validForMs).toBeGreaterThan(0)
    await fleet.evict('k')
    expect(await b.tiers.explain(keyOf('k'))).toMatchObject({
      servedBy: 'sqlite',
      because: expect.stringContaining('redis holds nothing') as string,
    })
  })

  test('a front that is bypassed or cannot be asked is named with its reason', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open()
    await a.store.set('k', 1)
    a.front.inject(() => 'drop-before')
    await eventually('it is bypassed', () => !a.isServing())
    const explained = await a.tiers.explain(keyOf('k'))
    expect(explained).toMatchObject({ servedBy: 'sqlite', fronts: [{ certificate: undefined, bypassed: 'behind' }] })
    expect(explained.fronts[0]!.error).toBeInstanceOf(Error)
    expect(explained.because).toContain('redis could not be asked')
  })

  test('a record that is older than what this process knows is not what it would be served', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open()
    await a.store.set('k', 'old')
    a.front.inject(({ method }) => (method === 'apply' || method === 'tail' ? 'drop-before' : undefined))
    const { version } = await a.store.set('k', 'new')
    const explained = await a.tiers.explain(keyOf('k'))
    expect(explained).toMatchObject({ servedBy: 'sqlite', fronts: [{ requiredVersion: version }] })
    expect(explained.because).toContain(`this process knows of version ${version}`)
  })
})

describe('verify', () => {
  const only = { readPolicy: 'frontend-only' } as const

  test('finds nothing where nothing is wrong, also while somebody writes', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open()
    const items = Array.from({ length: 1_200 }, (_, i) => [['n', i], i] as const)
    await a.store.setMany(items)
    let writing = true
    const writer = (async () => {
      for (let i = 0; writing; i++) await a.store.set(['n', i % 1_200], -i)
    })()
    const { done, differences } = await lastValueFrom(a.tiers.verify())
    writing = false
    await writer
    expect(differences).toBe(0)
    expect(done).toBeGreaterThanOrEqual(1_200)
  })

  test('finds what a foreign hand has put there, tells it, and takes it out', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open()
    await a.store.setMany(['stale', 'gone', 'altered', 'right'].map((key) => [key, 'one'] as const))
    const name = async (key: string): Promise<string> => (await fleet.recordName(key))!
    const names = { stale: await name('stale'), gone: await name('gone'), altered: await name('altered') }
    const before = { stale: await fleet.raw.getBuffer(names.stale), gone: await fleet.raw.getBuffer(names.gone) }
    await a.store.set('stale', 'two')
    const { version } = await a.store.delete('gone')
    await tailed(a, version)
    await fleet.raw.set(names.stale, before.stale!, 'PX', 60_000)
    await fleet.raw.set(names.gone, before.gone!, 'PX', 60_000)
    const bytes = (await fleet.raw.getBuffer(names.altered))!
    bytes[bytes.length - 1]! ^= 1
    await fleet.raw.set(names.altered, bytes, 'PX', 60_000)
    const looked = await lastValueFrom(a.tiers.verify({ repair: false }).pipe(toArray()))
    const kinds = Object.fromEntries(looked.flatMap(({ found }) => found.map(({ key, kind }) => [key, kind])))
    expect(kinds).toEqual({
      [keyOf('stale').id]: 'stale',
      [keyOf('gone').id]: 'stale',
      [keyOf('altered').id]: 'altered',
    })
    expect(looked.at(-1)).toMatchObject({ differences: 3, repaired: 0 })
    expect(await lastValueFrom(a.tiers.verify())).toMatchObject({ differences: 3, repaired: 3 })
    expect(await lastValueFrom(a.tiers.verify())).toMatchObject({ differences: 0 })
    expect(await a.store.get('stale', only)).toBeUndefined()
    expect([await a.store.get('stale'), await a.store.get('gone'), await a.store.get('altered')]).toEqual([
      'two',
      undefined,
      'one',
    ])
  })

  test('refuses options that it does not have', async () => {
    const a = await new Fleet(redis.server).open()
    expect(() => a.tiers.verify({ fix: true } as never)).toThrow(/fix/)
    expect(() => a.tiers.verify({ tiers: ['nowhere'] })).toThrow(/nowhere/)
  })
})

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
