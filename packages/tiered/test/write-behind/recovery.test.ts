import { describe, expect, test } from 'vitest'
import { keyOf } from '../support/fleet.ts'
import { Machine } from './support/machine.ts'

describe('who flushes', () => {
  test('the journal of a process that is gone is recovered when its lease has run out, once', async () => {
    const machine = new Machine()
    const process = machine.start({ leaseMs: 1_000 })
    await process.store.set('a', 1)
    await process.store.set('b', 1)
    await process.store.set('a', 2)
    await process.tiers.checkpoint('', 'so far')
    process.kill()
    const [one, two] = [machine.start(), machine.start()]
    await Promise.all([one.tiers.recoverWrites(), two.tiers.recoverWrites()])
    expect(await one.store.get('a')).toBeUndefined()
    await machine.after(1_100)
    expect(await one.store.getMany(['a', 'b']).then((found) => [...found.values()])).toEqual([2, 1])
    expect([await machine.back.log.head(), await two.tiers.lastCheckpoint('')]).toEqual([2, 'so far'])
    const marks = await machine.back.marks.scan(
      { start: new Uint8Array(), end: undefined },
      { after: undefined, limit: 9 },
    )
    expect(marks.map(({ key }) => key.tuple[3])).toEqual(['checkpoint'])
  })

  test('a process that has been open for long recovers what others leave behind later', async () => {
    const machine = new Machine()
    const open = machine.start({ leaseMs: 1_000 })
    await open.tiers.recoverWrites()
    const process = machine.start({ leaseMs: 1_000 })
    await process.store.set('a', 1)
    process.kill()
    for (let i = 0; i < 3; i++) await machine.after(1_000)
    expect(await machine.other.get('a')).toBe(1)
  })

  test('a process that was only slow flushes nothing that others have recovered, and goes on', async () => {
    const machine = new Machine()
    const slow = machine.start({ leaseMs: 1_000 })
    await slow.store.set('a', 'slow')
    slow.pause()
    await machine.after(1_000)
    const other = machine.start()
    await other.tiers.recoverWrites()
    await other.store.update('a', () => 'newer')
    slow.resume()
    await slow.tiers.flush()
    expect([await machine.other.get('a'), await slow.store.get('a')]).toEqual(['newer', 'newer'])
    await slow.store.set('a', 'newest')
    await slow.tiers.flush()
    expect([await machine.other.get('a'), await machine.back.log.head()]).toEqual(['newest', 3])
  })

  test('nor does it when it notices while it journals, and the flush is due meanwhile', async () => {
    const machine = new Machine()
    const slow = machine.start({ leaseMs: 1_000, maxAgeMs: 2_100 })
    await slow.store.set('a', 'slow')
    slow.pause()
    await machine.after(2_000)
    await machine.start().tiers.recoverWrites()
    await machine.other.set('a', 'newer')
    slow.resume()
    const { leases } = machine.back
    const acquire = leases.acquire.bind(leases)
    leases.acquire = async (...args) => {
      leases.acquire = acquire
      await machine.after(100)
      return acquire(...args)
    }
    await slow.store.set('b', 1)
    await slow.tiers.flush()
    expect([await machine.other.get('a'), await slow.store.get('a')]).toEqual(['newer', 'newer'])
    expect([await machine.other.get('b'), await machine.back.log.head()]).toEqual([1, 3])
  })

  test('a process that was slow while nobody has looked at its journal flushes it', async () => {
    const machine = new Machine()
    const slow = machine.start({ leaseMs: 1_000 })
    await slow.store.set('a', 1)
    slow.pause()
    await machine.after(5_000)
    slow.resume()
    await slow.store.set('b', 2)
    await slow.tiers.flush()
    expect([await machine.other.get('a'), await machine.other.get('b')]).toEqual([1, 2])
  })

  test('in memory: what is not flushed when the process dies is lost, and nothing of it is left behind', async () => {
    const machine = new Machine()
    const process = machine.start({ leaseMs: 1_000, acknowledge: 'memory' })
    await process.store.set('a', 1)
    await process.tiers.flush()
    await process.store.set('a', 2)
    expect([process.commits, await process.store.get('a')]).toEqual([['flush'], 2])
    process.kill()
    await machine.after(1_000)
    const next = machine.start()
    await next.tiers.recoverWrites()
    expect(await next.store.get('a')).toBe(1)
  })

  test('in memory: what a slow process held beyond its lease overwrites nothing, and is set aside', async () => {
    const machine = new Machine()
    const slow = machine.start({ leaseMs: 1_000, acknowledge: 'memory' })
    await slow.store.set('a', 'slow')
    expect((await machine.back.log.head()) === 0 && (await slow.store.get('a'))).toBe('slow')
    slow.pause()
    await machine.after(5_000)
    await machine.other.set('a', 'newer')
    slow.resume()
    await expect(slow.tiers.flush()).rejects.toMatchObject({ code: 'FLUSH_FAILED' })
    expect([await machine.other.get('a'), await slow.store.get('a')]).toEqual(['newer', 'newer'])
    const [letter] = await Array.fromAsync(slow.tiers.deadLetters())
    expect(letter).toMatchObject({ error: { code: 'LEASE_LOST' }, writes: [{ key: ['a'], value: 'slow' }] })
    await slow.store.set('a', 'newest')
    await slow.tiers.flush()
    expect(await machine.other.get('a')).toBe('newest')
  })

  test('in memory: nor does what was acknowledged while the flush before it was under way', async () => {
    const machine = new Machine()
    const slow = machine.start({ leaseMs: 1_000, acknowledge: 'memory' })
    await slow.store.set('a', 'slow')
    slow.pause()
    const flushing = slow.tiers.flush()
    flushing.catch(() => undefined)
    await slow.store.set('b', 'slow')
    await machine.after(5_000)
    await machine.other.setMany([
      ['a', 'newer'],
      ['b', 'newer'],
    ])
    slow.resume()
    await expect(flushing).rejects.toMatchObject({ failures: [{ keys: [keyOf('a').id] }] })
    await expect(slow.tiers.flush()).rejects.toMatchObject({ failures: [{ keys: [keyOf('b').id] }] })
    expect([await machine.other.get('a'), await machine.other.get('b')]).toEqual(['newer', 'newer'])
    expect([await slow.store.get('a'), await slow.store.get('b')]).toEqual(['newer', 'newer'])
    const letters = await Array.fromAsync(slow.tiers.deadLetters())
    expect(new Set(letters.flatMap(({ writes }) => writes.map(({ key }) => key[0])))).toEqual(new Set(['a', 'b']))
    await slow.store.set('b', 'newest')
    await slow.tiers.flush()
    expect(await machine.other.get('b')).toBe('newest')
  })
})
