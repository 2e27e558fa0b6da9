import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { Fleet, heldIn, type Instance, keyOf, serving, tailed, useRedis } from './support/fleet.ts'

const redis = useRedis()

/** Everything that would bring the front in step is lost on the way. */
function cutOff({ front }: Instance): void {
  front.inject(({ method }) => (method === 'read' ? undefined : 'drop-before'))
}

describe('a front that is not brought in step', () => {
  test('coherence 7: a writer that dies before it reaches the front: others repair it from the log', async () => {
    const fleet = new Fleet(redis.server)
    const [writer, reader] = await Promise.all([fleet.open(), fleet.open()])
    await writer.store.set('k', 'old')
    cutOff(writer)
    const { version } = await writer.store.set('k', 'new')
    expect((await heldIn(reader.front, [keyOf('k')]))[0]?.entry?.version).toBeLessThan(version)
    await tailed(reader, version)
    expect((await heldIn(reader.front, [keyOf('k')]))[0]).toBeUndefined()
    expect(await reader.store.get('k')).toBe('new')
  })

  test('is read no longer than its certificate lasts, and again when it has caught up', async () => {
    const fleet = new Fleet(redis.server)
    const [writer, reader] = await Promise.all([fleet.open(), fleet.open()])
    await writer.store.set('k', 'old')
    expect(await reader.store.get('k')).toBe('old')
    cutOff(writer)
    cutOff(reader)
    await writer.store.set('k', 'new')
    // Redis holds the old value all along: only the proof runs out.
    await eventually('the certificate has run out', async () => (await reader.store.get('k')) === 'new')
    expect((await heldIn(reader.front, [keyOf('k')]))[0]?.entry?.payload.read()).toBe('old')
    await eventually('it is told', () => reader.events.some(({ type }) => type === 'front-bypassed'))
    for (const { front } of [writer, reader]) front.inject(undefined)
    await serving(reader)
    expect(await reader.store.get('k')).toBe('new')
    const before = reader.tiers.tierStats().hits['redis'] ?? 0
    await eventually('Redis answers again', async () => {
      await reader.store.get('k')
      return (reader.tiers.tierStats().hits['redis'] ?? 0) > before
    })
  })

  test('coherence 14: the proof counts from before the back tier was asked, however late the answer comes', async () => {
    const fleet = new Fleet(redis.server)
    const [writer, reader] = await Promise.all([fleet.open(), fleet.open()])
    await writer.store.set('k', 'old')
    const looking = reader.front.hold('look', 'after')
    await looking.arrived()
    cutOff(writer)
    await writer.store.set('k', 'new')
    await delay(400)
    // What Redis said before the write was committed arrives when its time is up.
    cutOff(reader)
    looking.release()
    expect(await reader.store.get('k')).toBe('new')
  })

  test('an answer that was on its way for longer than its certificate lasts is not served', async () => {
    const fleet = new Fleet(redis.server)
    const [writer, reader] = await Promise.all([fleet.open(), fleet.open()])
    await writer.store.set('k', 'old')
    const answer = reader.front.hold('read', 'after')
    const reading = reader.store.get('k')
    await answer.arrived()
    await writer.store.set('k', 'new')
    await delay(400)
    answer.release()
    expect(await reading).toBe('new')
  })
})

describe('sessions of a process', () => {
  test('own writes are read, and nothing older than what was read, whatever the front holds', async () => {
    const fleet = new Fleet(redis.server)
    const [writer, reader] = await Promise.all([fleet.open(), fleet.open()])
    await writer.store.setMany(['a', 'b', 'c', 'd'].map((key) => [key, 'old'] as const))
    cutOff(writer)
    cutOff(reader)
    await writer.store.set('a', 'new')
    expect(await writer.store.get('a')).toBe('new')
    await writer.store.setMany([
      ['b', 'new'],
      ['d', 'new'],
    ])
    await writer.store.delete('c')
    // Each tells the reader of something that Redis does not know, in its own way.
    expect(await reader.store.get('b', { consistency: 'linearizable' })).toBe('new')
    expect(await reader.store.delete('c')).toMatchObject({ deleted: false })
    await expect(reader.store.set('d', 'mine', { ifVersion: 1 })).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(await reader.store.getMany(['b', 'c', 'd'])).toMatchObject({ size: 2 })
    expect([await reader.store.get('b'), await reader.store.get('c'), await reader.store.get('d')]).toEqual([
      'new',
      undefined,
      'new',
    ])
    expect((await heldIn(reader.front, [keyOf('b')]))[0]?.entry?.payload.read()).toBe('old')
  })

  test('minVersion: what is read is not older than a write that somebody else made', async () => {
    const fleet = new Fleet(redis.server)
    const [writer, reader] = await Promise.all([fleet.open(), fleet.open({ near: true, nearMaxStaleMs: 60_000 })])
    await writer.store.set('k', 'old')
    expect(await reader.store.get('k')).toBe('old')
    cutOff(writer)
    cutOff(reader)
    const { version } = await writer.store.set('k', 'new')
    expect(await reader.store.get('k', { minVersion: version })).toBe('new')
    expect((await reader.store.getMany(['k'], { minVersion: version })).get('k')).toBe('new')
    await expect(reader.store.get('k', { minVersion: version + 1 })).rejects.toMatchObject({ code: 'LOG_AHEAD' })
    await expect(reader.store.get('k', { minVersion: -1 })).rejects.toThrow(RangeError)
  })
})
