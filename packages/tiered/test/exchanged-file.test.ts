import { copyFileSync } from 'node:fs'
import { eventually } from '@tidemark/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Fleet, heldIn, type Instance, keyOf, serving, tailed, useRedis, withFill } from './support/fleet.ts'

const redis = useRedis()

const only = { readPolicy: 'frontend-only' } as const

async function heldOf({ front }: Instance, key: string): Promise<unknown> {
  return (await heldIn(front, [keyOf(key)]))[0]?.entry?.payload.read()
}

/** A fleet whose `k` is `kept`, in Redis too, and whose file is copied now that everything is closed. */
async function backedUp(): Promise<{ fleet: Fleet; kept: number; putBack: () => void }> {
  const fleet = new Fleet(redis.server)
  const first = await fleet.open()
  const { version: kept } = await first.store.set('k', 'kept')
  await tailed(first, kept)
  await first.tiers.close()
  const backup = `${fleet.file}.backup`
  copyFileSync(fleet.file, backup)
  return { fleet, kept, putBack: () => copyFileSync(backup, fleet.file) }
}

/** Everything is as it was when the backup was made, whichever way it is read, also once Redis is in use again. */
async function expectRestored(fleet: Fleet, lostEpoch: string | undefined): Promise<void> {
  const instances = await Promise.all([
    fleet.open({ redis: {} }),
    fleet.open({ redis: {}, near: true }),
    fleet.open({ redis: {}, near: true, nearMaxStaleMs: 60_000 }),
  ])
  const readAll = async (): Promise<void> => {
    for (const { store } of instances) {
      expect(await store.get('k')).toBe('kept')
      expect([undefined, 'kept']).toContain(await store.get('k', only))
      const found = await store.getMany(['k', 'lost', 'deleted'])
      expect([found.get('k'), found.get('lost'), found.get('deleted')]).toEqual(['kept', undefined, undefined])
    }
  }
  await readAll()
  for (const instance of instances) await eventually('Redis is in use', instance.isServing)
  await readAll()
  const [a] = instances
  expect(a.front.session!.epoch).not.toBe(lostEpoch)
  expect([undefined, 'kept']).toContain(await heldOf(a, 'k'))
  expect(await heldOf(a, 'lost')).toBeUndefined()
  await Promise.all(instances.map(({ tiers }) => tiers.close()))
}

/** Somebody without Redis says that the file was restored. */
async function declare(fleet: Fleet): Promise<void> {
  const script = await fleet.open({ redis: false })
  await script.tiers.restored()
  await script.tiers.close()
}

describe('a backup in the place of the file, declared', () => {
  test('nothing of the lost history is read, in any process, from any front', async () => {
    const { fleet, putBack } = await backedUp()
    const lost = await fleet.open({ near: true })
    await lost.store.set('k', 'lost with the disk')
    const { version } = await lost.store.set('lost', 'yes')
    await tailed(lost, version)
    const { epoch } = lost.front.session!
    await lost.tiers.close()
    putBack()
    await declare(fleet)
    await expectRestored(fleet, epoch)
  })

  test('minVersion of the lost history: an error while it is past the head, then what the restored one holds', async () => {
    const { fleet, kept, putBack } = await backedUp()
    const lost = await fleet.open()
    await lost.store.set('other', 1)
    const { version } = await lost.store.set('k', 'lost with the disk')
    await lost.tiers.close()
    putBack()
    await declare(fleet)
    const a = await fleet.open({ redis: {}, near: true })
    await eventually('Redis is in use', a.isServing)
    for (const consistency of ['tiered', 'linearizable'] as const) {
      const options = { minVersion: version, consistency }
      await expect(a.store.get('k', options)).rejects.toMatchObject({ code: 'LOG_AHEAD' })
      await expect(a.store.getMany(['k'], options)).rejects.toMatchObject({ code: 'LOG_AHEAD' })
    }
    expect(await a.store.get('k', { ...only, minVersion: version })).toBeUndefined()
    expect(await a.store.get('k', { minVersion: kept })).toBe('kept')
    // The number is taken by other changes: it says nothing about this key any more.
    while ((await a.store.set('another', 1)).version < version);
    expect(await a.store.get('k', { minVersion: version })).toBe('kept')
    expect([undefined, 'kept']).toContain(await a.store.get('k', { ...only, minVersion: version }))
  })
})

describe('a backup in the place of the file, not declared: what is not noticed, until it is', () => {
  test('a writer of the restored file reaches Redis with a higher version before anybody has looked at it', async () => {
    const { fleet, kept, putBack } = await backedUp()
    const lost = await fleet.open()
    lost.front.inject(({ method }) => (method === 'tail' ? 'drop-before' : undefined))
    const { version } = await lost.store.set('k', 'lost with the disk')
    expect((await lost.front.look()).watermark).toBe(kept)
    const { epoch } = lost.front.session!
    await lost.tiers.close()
    putBack()
    const script = await fleet.open({ redis: false })
    while ((await script.store.set('filler', 1)).version < version);
    await script.tiers.close()
    const hasty = await fleet.open({ redis: {} })
    const looks = hasty.front.hold('look')
    onTestFinished(() => looks.release())
    await eventually('it is connected', () => hasty.front.session?.epoch !== undefined)
    const written = await hasty.store.set('other', 1)
    expect(written).toMatchObject({ version: version + 1, tiers: [{ outcome: 'applied' }] })
    looks.release()
    await eventually('Redis is in use', hasty.isServing)
    // As if it were current.
    expect(await hasty.store.get('k')).toBe('lost with the disk')
    expect(await hasty.store.get('k', { consistency: 'linearizable' })).toBe('kept')
    await hasty.tiers.close()
    await declare(fleet)
    await expectRestored(fleet, epoch)
  })

  test('only what a reader had filled in of the lost writes has reached Redis', async () => {
    const { fleet, kept, putBack } = await backedUp()
    const reader = await fleet.open()
    reader.front.inject(({ method }) => (method === 'tail' ? 'drop-before' : undefined))
    const script = await fleet.open({ redis: false })
    await script.store.set('k', 'lost with the disk')
    await script.tiers.close()
    await fleet.evictAll()
    expect(await withFill(reader.front, () => reader.store.get('k'))).toBe('lost with the disk')
    expect(await heldOf(reader, 'k')).toBe('lost with the disk')
    expect((await reader.front.look()).watermark).toBe(kept)
    const { epoch } = reader.front.session!
    await reader.tiers.close()
    putBack()
    const a = await fleet.open()
    await serving(a)
    // As if it were current.
    expect(await a.store.get('k')).toBe('lost with the disk')
    expect(await a.store.get('k', { consistency: 'linearizable' })).toBe('kept')
    await a.tiers.close()
    await declare(fleet)
    await expectRestored(fleet, epoch)
  })
})
