import { type LogChange, partOf } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { lastValueFrom } from 'rxjs'
import { describe, expect, test } from 'vitest'
import type { WritePolicy } from '../src/index.ts'
import { Fleet, type Instance, serving, useRedis } from './support/fleet.ts'

const redis = useRedis()
const CHUNK = 256 * 1024
const WRITE: readonly WritePolicy[] = ['write-through', 'write-around', 'write-behind']

async function partsIn({ front }: Instance): Promise<readonly string[]> {
  const { records } = await front.records(undefined, 1_000)
  return records.map(({ id }) => id).filter((id) => id.includes('element') || id.includes('chunk'))
}

describe.each(WRITE)('logs and blobs under %s', (writePolicy) => {
  test('are read from the back tier, by every instance, and no front holds what they are made of', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open({ near: true, writePolicy })
    const b = await fleet.open({ near: true, writePolicy })
    await Promise.all([serving(a), serving(b)])
    const nearHeld: LogChange[] = []
    const { near } = a
    const applyNow = near!.applyNow.bind(near)
    near!.applyNow = (changes, mode) => {
      nearHeld.push(...changes)
      applyNow(changes, mode)
    }
    for (let i = 0; i < 20; i++) await a.store.log('l').append(i, { ack: i % 2 === 0 ? 'strict' : 'bounded' })
    await b.store.log('l').append(20)
    await a.store.blob('b').write(new Uint8Array(6 * CHUNK).fill(7))
    for (const { store } of [a, b]) {
      expect(await Array.fromAsync(store.log('l'))).toEqual(Array.from({ length: 21 }, (_, i) => i))
      expect((await store.blob('b').bytes())!.length).toBe(6 * CHUNK)
      expect(await store.has('b')).toBe(true)
      await expect(store.get('l')).rejects.toMatchObject({ code: 'WRONG_TYPE' })
    }
    await b.store.set('l', 'value')
    await b.store.delete('b')
    await b.tiers.flush()
    expect(await a.store.get('l', { consistency: 'linearizable' })).toBe('value')
    await eventually('the other one sees it', async () => (await a.store.get('l').catch(() => undefined)) === 'value')
    expect(await a.store.blob('b').size()).toBeUndefined()
    expect(nearHeld.some(({ key }) => partOf(key) !== undefined)).toBe(false)
    expect(await partsIn(a)).toEqual([])
  })

  test('are not warmed, and the rest is', async () => {
    const fleet = new Fleet(redis.server)
    const writer = await fleet.open({ writePolicy })
    await writer.store.log('l').appendMany([1, 2, 3])
    await writer.store.blob('b').write(new Uint8Array(2 * CHUNK))
    await writer.store.set('v', 1, { tags: ['t'] })
    await writer.store.invalidateTag('t')
    await writer.tiers.flush()
    const a = await fleet.open({ near: true })
    // The log and the blob: nobody sees the value any more.
    expect(await lastValueFrom(a.tiers.warm())).toMatchObject({ done: 2, total: 2 })
    expect(await partsIn(a)).toEqual([])
    expect(await Array.fromAsync(a.store.log('l'))).toEqual([1, 2, 3])
  })
})
