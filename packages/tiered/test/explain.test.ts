import { eventually } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { Fleet, keyOf, useRedis } from './support/fleet.ts'
import { WallClock } from './support/wall-clock.ts'

const redis = useRedis()

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

test('explain tells of a write that waits to be flushed, which this process reads, and no other', async () => {
  const fleet = new Fleet(redis.server)
  const a = await fleet.open({ near: true, writePolicy: 'write-behind', writeBehind: { maxAgeMs: 600_000 } })
  const b = await fleet.open()
  const { version } = await b.store.set('k', 'old')
  await a.store.set('k', 'behind', { tags: ['t'] })
  const { writtenAt } = (await a.store.entry('k'))!
  expect(await a.tiers.explain(keyOf('k'))).toMatchObject({
    servedBy: 'write-behind',
    because: expect.stringContaining('waits to be flushed') as string,
    behind: { acknowledgedAt: writtenAt.getTime(), standing: { state: 'seen' } },
    back: { version },
  })
  expect(await b.tiers.explain(keyOf('k'))).toMatchObject({ servedBy: 'redis', behind: undefined })
  await a.tiers.flush()
  expect(await a.tiers.explain(keyOf('k'))).toMatchObject({ servedBy: 'near', behind: undefined })
})

describe('explain says what hides an entry that is there', () => {
  test('an invalidated tag, also after its entry was written again', async () => {
    const a = await new Fleet(redis.server).open({ near: true })
    const { version } = await a.store.set('k', 1, { tags: ['free', 'hit'] })
    expect((await a.tiers.explain(keyOf('k'))).back.standing).toEqual({ state: 'seen', until: undefined })
    const { version: seq } = await a.store.invalidateTag('hit')
    const explained = await a.tiers.explain(keyOf('k'))
    expect(explained.back).toMatchObject({ version, standing: { state: 'invalidated', tag: 'hit', seq } })
    expect(explained.because).toContain(
      `version ${version} is absent for readers: its tag hit was invalidated at seq ${seq}`,
    )
    expect(await a.store.get('k')).toBeUndefined()
    await a.store.set('k', 2, { tags: ['hit'] })
    expect((await a.tiers.explain(keyOf('k'))).back.standing).toMatchObject({ state: 'seen' })
  })

  test('a value whose time is up, in its grace, and that a loader found nothing', async () => {
    const clock = new WallClock()
    const a = await new Fleet().open({ clock })
    const options = { ttlMs: 1_000, graceMs: 5_000, negativeTtlMs: 60_000, jitter: 0 }
    const end = clock.now() + 1_000
    await a.store.getOrSet('k', () => 1, options)
    await a.store.getOrSet('none', () => undefined, options)
    expect((await a.tiers.explain(keyOf('k'))).back.standing).toEqual({ state: 'seen', until: end })
    clock.step(1_000)
    const stale = await a.tiers.explain(keyOf('k'))
    expect(stale.back.standing).toEqual({ state: 'stale', since: end, until: end + 5_000 })
    expect(stale.because).toContain(`is stale since ${new Date(end).toISOString()}, and absent for all but getOrSet`)
    const none = await a.tiers.explain(keyOf('none'))
    expect(none.back.standing).toEqual({ state: 'known-absent', until: end + 59_000 })
    expect(none.because).toContain('says that a loader found nothing')
    expect([await a.store.get('k'), await a.store.get('none')]).toEqual([undefined, undefined])
    clock.step(5_000)
    expect((await a.tiers.explain(keyOf('k'))).back).toMatchObject({ version: undefined, standing: undefined })
  })
})
