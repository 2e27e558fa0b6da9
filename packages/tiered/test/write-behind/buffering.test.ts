import { createMemoryBack, type MemoryBack, Store, TidemarkError } from '@tidemark/core'
import { ManualClock } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { createTiered, FlushFailure, type WriteBehindOptions } from '../../src/index.ts'
import { Fleet, keyOf } from '../support/fleet.ts'
import { Process } from './support/process.ts'

const PATIENT = { maxAgeMs: 60_000 }

/** Processes over one back tier, in time that tests own. */
class Machine {
  readonly clock = new ManualClock()
  readonly back: MemoryBack = createMemoryBack({ clock: this.clock })
  readonly other = new Store(this.back, { clock: this.clock })

  start(options: WriteBehindOptions = {}): Process {
    return new Process(this.back, this.clock, { ...PATIENT, ...options })
  }

  async after(ms: number): Promise<void> {
    await turns()
    this.clock.advance(ms)
    await turns()
  }
}

/** Lets everything happen that only waits for promises. */
async function turns(count = 30): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

describe('a write behind', () => {
  test('is read at once by every call, and committed by the flush, the latest of each key', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    expect(await store.set('a', 1)).toEqual({ version: 0, tiers: [] })
    await store.set('a', { n: 2 })
    await store.setMany([
      ['b', 3],
      ['c', 4, { meta: 'why', ttlMs: 1_000 }],
    ])
    expect(await store.get('a')).toEqual({ n: 2 })
    expect(await store.getIn('a', ['n'])).toBe(2)
    expect([await store.has('b'), await store.has('d')]).toEqual([true, false])
    expect(await store.entry('c')).toMatchObject({ value: 4, version: 0, meta: 'why' })
    expect([...(await store.getMany(['a', 'b', 'c', 'd'])).values()]).toEqual([{ n: 2 }, 3, 4])
    expect([await machine.other.get('a'), await machine.back.log.head()]).toEqual([undefined, 0])
    await tiers.flush()
    const { changes } = await machine.back.log.read({ after: 0, limit: 10 })
    expect(changes.map(({ key, first, last }) => [key.id, first, last])).toEqual([
      [keyOf('a').id, 1, 3],
      [keyOf('b').id, 1, 3],
      [keyOf('c').id, 1, 3],
    ])
    expect(await store.entry('c')).toMatchObject({ value: 4, version: 3, meta: 'why' })
  })

  test('ends when its time is up, flushed or not', async () => {
    const machine = new Machine()
    const { store } = machine.start()
    await store.set('a', 1, { ttlMs: 1_000 })
    await machine.after(999)
    expect(await store.get('a')).toBe(1)
    await machine.after(1)
    expect([await store.get('a'), await store.has('a')]).toEqual([undefined, false])
  })

  test('of one key keeps the order of the calls, also of those that nobody waits for', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await Promise.all([
      store.set('a', 1),
      store.set('a', 2),
      store.update<number>('a', (n = 0) => n * 10),
      store.set('a', 3),
      store.update<number>('a', (n = 0) => n * 10),
      store.set('a', 4),
      store.delete('b'),
      store.set('b', 1),
    ])
    expect([await store.get('a'), await store.get('b')]).toEqual([4, 1])
    await tiers.flush()
    expect([await machine.other.get('a'), await machine.other.get('b')]).toEqual([4, 1])
  })

  test('is chosen by a single write, or not', async () => {
    const fleet = new Fleet()
    const { store, sqlite } = await fleet.open({ near: true })
    expect((await store.set('a', 1, { writePolicy: 'write-behind' })).version).toBe(0)
    expect((await store.set('b', 1)).version).toBe(1)
    // After what waits for the same key.
    expect((await store.set('a', 2)).version).toBe(3)
    expect(sqlite.readOne(keyOf('a')).entry?.payload.read()).toBe(2)
  })

  test('what a key that is too long, or a value that cannot be encoded, is refused with changes nothing', async () => {
    const { store, tiers } = new Machine().start()
    const tooLong = store.set('x'.repeat(5_000), 1)
    const fine = store.set('a', 1)
    await expect(tooLong).rejects.toThrow(RangeError)
    await expect(store.set('b', () => 1)).rejects.toMatchObject({ code: 'UNENCODABLE' })
    await fine
    await tiers.flush()
    expect(tiers.metrics().total).toEqual({ lookups: 0, reads: 0, writes: 1, flushes: 1 })
  })
})

describe('what is not blind meets it', () => {
  test('an update, a transaction and a condition see what is written behind, and come after it', async () => {
    const machine = new Machine()
    const { store } = machine.start()
    await store.set('n', 41)
    expect(await store.update<number>('n', (n) => n! + 1)).toMatchObject({ old: 41, new: 42, version: 2 })
    await store.set('n', 1)
    const { value } = await store.transaction(async (tx) => {
      const n = await tx.get<number>('n')
      tx.set('m', n)
      return n
    })
    expect([value, await machine.other.get('m')]).toEqual([1, 1])
    await store.set('n', 2)
    await expect(store.set('n', 3, { ifVersion: 0 })).rejects.toMatchObject({ code: 'CONFLICT', currentVersion: 5 })
    expect(await store.set('n', 3, { ifVersion: 5 })).toMatchObject({ version: 6 })
  })

  test('a transaction that writes without reading comes after it, too', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await store.set('a', 'older')
    await store.transaction((tx) => tx.set('a', 'newer'))
    await tiers.flush()
    expect([await store.get('a'), await machine.other.get('a')]).toEqual(['newer', 'newer'])
  })

  test('a delete says whether there was something, written behind or not', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await store.set('a', 1)
    expect(await store.delete('a')).toMatchObject({ deleted: true })
    expect(await store.delete('a')).toMatchObject({ deleted: false })
    await store.set('b', 1)
    const { deleted } = await store.deleteMany(['a', 'b'])
    expect([deleted.get('a'), deleted.get('b')]).toEqual([false, true])
    await tiers.flush()
    expect([await store.has('b'), await machine.other.has('b')]).toEqual([false, false])
  })

  test('a listing, a count and a linearizable read find it', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await store.set('a', 1)
    expect(await Array.fromAsync(store.keys())).toEqual([['a']])
    await store.set('b', 2)
    expect(await store.get('b', { consistency: 'linearizable' })).toBe(2)
    await store.set('c', 3)
    expect(await tiers.count({ start: new Uint8Array(), end: undefined })).toBe(3)
  })

  test('clear deletes it, and spares what is written behind meanwhile', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await store.set('a', 1)
    expect(await store.clear()).toEqual({ deleted: 1 })
    await tiers.flush()
    expect([await store.get('a'), await machine.other.get('a')]).toEqual([undefined, undefined])
    await store.setMany(Array.from({ length: 600 }, (_, i) => [['n', i], i]))
    const [, { deleted }] = await Promise.all([store.set(['z'], 1), store.clear({ prefix: 'n' })])
    expect([deleted, await store.get(['z'])]).toEqual([600, 1])
  })

  test('a tag that is invalidated hides what was written behind before, and not what comes after', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await store.set('before', 1, { tags: ['t'] })
    expect(await store.get('before')).toBe(1)
    await store.invalidateTag('t')
    await store.set('after', 1, { tags: ['t'] })
    expect([await store.get('before'), await store.get('after')]).toEqual([undefined, 1])
    await tiers.flush()
    expect([await machine.other.get('before'), await machine.other.get('after')]).toEqual([undefined, 1])
  })

  test('getOrSet takes it, loads nothing, and what it loads never comes after a later write', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await store.set('a', 'written')
    const load = (): never => {
      throw new Error('loaded')
    }
    expect([await store.getOrSet('a', load), await machine.back.log.head()]).toEqual(['written', 0])
    const loading = Promise.withResolvers<string>()
    const asked = store.getOrSet('b', () => loading.promise)
    await turns()
    // While it is loaded, here: written through, so that the load is refused as after any write.
    expect((await store.set('b', 'newer')).version).toBeGreaterThan(0)
    loading.resolve('older')
    await asked
    await tiers.flush()
    expect([await store.get('b'), await machine.other.get('b')]).toEqual(['newer', 'newer'])
  })

  test('writers who cannot wait are told to', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await store.set('a', 1)
    expect(store.sync!.get('a')).toBe(1)
    expect(() => store.sync!.set('a', 2)).toThrow(TidemarkError)
    await tiers.flush()
    store.sync!.set('a', 2)
    expect(await store.get('a')).toBe(2)
  })
})

describe('flushes', () => {
  test.each([
    ['count', { maxDirty: 10 }, 9, 'x'],
    ['bytes', { maxBytes: 10_000 }, 8, 'x'.repeat(1_000)],
  ])('by %s', async (_by, options, count, value) => {
    const machine = new Machine()
    const { store } = machine.start(options)
    for (let i = 0; i < count; i++) await store.set(['k', i], value)
    await turns()
    expect(await machine.back.log.head()).toBe(0)
    await store.set(['k', count], value)
    await turns()
    expect(await machine.back.log.head()).toBe(count + 1)
  })

  test('by age, which counts from the first write, by a timer', async () => {
    const machine = new Machine()
    const { store } = machine.start({ maxAgeMs: 1_000 })
    await store.set('a', 1)
    await machine.after(600)
    await store.set('b', 1)
    await machine.after(399)
    expect(await machine.back.log.head()).toBe(0)
    await machine.after(1)
    expect(await machine.back.log.head()).toBe(2)
  })

  test('when the journal of one key that is written over and over has grown', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start({ maxBytes: 10_000 })
    for (let i = 0; i < 50; i++) await store.set('hot', 'x'.repeat(1_000))
    await turns()
    expect(tiers.metrics().total.flushes).toBeGreaterThan(2)
    expect(
      (await machine.back.marks.scan({ start: new Uint8Array(), end: undefined }, { after: undefined, limit: 99 }))
        .length,
    ).toBeLessThan(12)
  })

  test('what is written during a flush goes with the next one', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await store.set('a', 1)
    const flushing = tiers.flush()
    await store.set('a', 2)
    await flushing
    expect(await store.get('a')).toBe(2)
    await tiers.flush()
    const { changes } = await machine.back.log.read({ after: 0, limit: 10 })
    expect(changes.map(({ payload }) => payload?.read())).toEqual([1, 2])
  })

  test('metrics: a hundred read-modify-writes are a hundred lookups, one read, a hundred writes, one flush', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    for (let i = 0; i < 100; i++) await store.set('n', ((await store.get<number>('n')) ?? 0) + 1)
    await tiers.flush()
    const { total, keys } = tiers.metrics()
    expect(total).toEqual({ lookups: 100, reads: 1, writes: 100, flushes: 1 })
    expect(keys.get(keyOf('n').id)).toEqual(total)
  })
})

describe('when flushes fail', () => {
  test('flush() rejects with what failed, nothing is lost, and it is tried again', async () => {
    const machine = new Machine()
    const process = machine.start()
    const { store, tiers } = process
    await store.set('a', 1)
    process.fail('flush', 'refuse')
    await expect(tiers.flush()).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect([await store.get('a'), await machine.other.get('a')]).toEqual([1, undefined])
    await turns()
    expect(process.errors).toMatchObject([{ code: 'DISK_FULL' }])
    await machine.after(50)
    expect(await machine.other.get('a')).toBe(1)
  })

  test('the disk is full: the write is refused, memory is unchanged, later writes work', async () => {
    const machine = new Machine()
    const process = machine.start()
    const { store, tiers } = process
    await store.set('a', 1)
    process.fail('append', 'refuse')
    process.fail('flush', 'refuse')
    await expect(store.set('a', 2)).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect(await store.get('a')).toBe(1)
    await store.set('a', 3)
    await tiers.flush()
    expect([await store.get('a'), await machine.other.get('a')]).toEqual([3, 3])
  })

  test('from 80 % of the capacity on a write waits for the flush; a full buffer refuses', async () => {
    const machine = new Machine()
    const process = machine.start({ maxDirty: 5, capacity: 2 })
    const { store, tiers } = process
    for (let i = 0; i < 20; i++) process.fail('flush', 'refuse')
    for (let i = 0; i < 10; i++) await store.set(['k', i], i)
    await expect(store.set('more', 1)).rejects.toMatchObject({ code: 'BUFFER_FULL', retryable: true })
    expect(await store.get('more')).toBeUndefined()
    process.forgive()
    await tiers.flush()
    for (let i = 0; i < 7; i++) await store.set(['k', i], -i)
    await turns()
    const head = await machine.back.log.head()
    // The eighth of ten: by the time it is acknowledged, it is committed.
    await Promise.all(Array.from({ length: 8 }, (_, i) => store.set(['n', i], i)))
    expect(await machine.back.log.head()).toBeGreaterThanOrEqual(head + 8)
  })

  test('what is refused for good is found, set aside with its payload, and keeps nothing else back', async () => {
    const machine = new Machine()
    const process = machine.start()
    const { store, tiers } = process
    await store.set('fine', 1)
    await store.setMany([
      ['bad', { a: 1 }],
      ['with bad', 2],
    ])
    await store.set('fine too', 3)
    const bad = new RangeError('too large')
    // Whole, then the half with the two that were written together, then those alone.
    for (let i = 0; i < 1; i++) process.fail('flush', bad)
    const refusing = machine.back.commit.bind(machine.back)
    machine.back.commit = async (proposal, ...rest) => {
      const writes = proposal.reads.length === 0 ? proposal.decide([]) : []
      if (writes.some(({ key }) => key.id === keyOf('bad').id)) throw bad
      return refusing(proposal, ...rest)
    }
    const failure = await tiers.flush().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(FlushFailure)
    expect((failure as FlushFailure).failures).toEqual([{ keys: [keyOf('bad').id, keyOf('with bad').id], error: bad }])
    expect(await machine.other.get('fine')).toBe(1)
    expect(await machine.other.get('fine too')).toBe(3)
    expect([await store.get('bad'), await store.get('with bad')]).toEqual([undefined, undefined])
    const [letter] = await Array.fromAsync(tiers.deadLetters())
    expect(letter).toMatchObject({
      error: { message: 'too large' },
      writes: [
        { key: ['bad'], value: { a: 1 } },
        { key: ['with bad'], value: 2 },
      ],
    })
    // Nothing of it is left in the journal: whoever comes later has nothing to do.
    machine.back.commit = refusing
    process.kill()
    await machine.after(10_000)
    const head = await machine.back.log.head()
    const later = machine.start()
    await later.tiers.recoverWrites()
    expect(await machine.back.log.head()).toBe(head)
    expect(await later.tiers.redeem(letter!.id)).toBe(true)
    expect([await machine.other.get('bad'), await machine.other.get('with bad')]).toEqual([{ a: 1 }, 2])
    expect([await Array.fromAsync(later.tiers.deadLetters()), await later.tiers.redeem(letter!.id)]).toEqual([
      [],
      false,
    ])
  })
})

describe('what is refused for good', () => {
  /** A process whose back tier refuses every write of one key. */
  function refusing(key: string): { readonly machine: Machine; readonly process: Process } {
    const machine = new Machine()
    const commit = machine.back.commit.bind(machine.back)
    machine.back.commit = async (proposal, ...rest) => {
      const writes = proposal.reads.length === 0 ? proposal.decide([]) : []
      if (writes.some((write) => write.key.id === keyOf(key).id)) throw new RangeError('too large')
      return commit(proposal, ...rest)
    }
    return { machine, process: machine.start() }
  }

  test.each([
    ['an update', async ({ store }: Process) => (await store.update<number>('good', (n = 0) => n + 1)).new, 2],
    ['a delete', async ({ store }: Process) => (await store.delete('good')).deleted, true],
    ['an append', async ({ store }: Process) => (await store.log('log').append(1)).version > 0, true],
    ['a listing', async ({ store }: Process) => (await Array.fromAsync(store.keys())).length, 1],
    ['a linearizable read', ({ store }: Process) => store.get('good', { consistency: 'linearizable' }), 1],
    ['a load', ({ store }: Process) => store.getOrSet('good', () => 'loaded'), 1],
    ['an invalidation', async ({ store }: Process) => (await store.invalidateTag('t')).version > 0, true],
  ])('is no business of %s of other keys that comes after it', async (_, call, expected) => {
    const { process } = refusing('bad')
    await process.store.set('good', 1)
    await process.store.set('bad', 1)
    expect(await call(process)).toBe(expected)
    await process.tiers.flush().catch(() => undefined)
    expect(process.errors).toMatchObject([{ code: 'FLUSH_FAILED', failures: [{ keys: [keyOf('bad').id] }] }])
    expect((await Array.fromAsync(process.tiers.deadLetters())).length).toBe(1)
  })

  test.each([
    ['an update', ({ store }: Process) => store.update('bad', () => 2)],
    ['a transaction', ({ store }: Process) => store.transaction(async (tx) => tx.set('good', await tx.get('bad')))],
    ['a linearizable read', ({ store }: Process) => store.getMany(['bad', 'good'], { consistency: 'linearizable' })],
  ])('is told to %s of its key', async (_, call) => {
    const { process } = refusing('bad')
    await process.store.set('bad', 1)
    await expect(call(process)).rejects.toMatchObject({ code: 'FLUSH_FAILED' })
    expect(await process.store.get('good')).toBe(undefined)
  })
})

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
    await expect(flushing).rejects.toMatchObject({ code: 'FLUSH_FAILED' })
    await slow.tiers.flush()
    expect([await machine.other.get('a'), await machine.other.get('b')]).toEqual(['newer', 'newer'])
    expect([await slow.store.get('a'), await slow.store.get('b')]).toEqual(['newer', 'newer'])
    const letters = await Array.fromAsync(slow.tiers.deadLetters())
    expect(new Set(letters.flatMap(({ writes }) => writes.map(({ key }) => key[0])))).toEqual(new Set(['a', 'b']))
    await slow.store.set('b', 'newest')
    await slow.tiers.flush()
    expect(await machine.other.get('b')).toBe('newest')
  })
})

test('the date of a write never decreases while it is buffered, either', async () => {
  const machine = new Machine()
  const process = machine.start({})
  await process.store.set('a', 1)
  await process.tiers.flush()
  const { writtenAt } = (await process.store.entry('a'))!
  machine.clock.step(-3_600_000)
  await process.store.set('a', 2)
  expect((await process.store.entry('a'))!.writtenAt.getTime()).toBeGreaterThanOrEqual(writtenAt.getTime())
})

describe('closing', () => {
  test('flushes, leaves no journal, and refuses what comes later', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock })
    const process = new Process(back, clock, PATIENT)
    const writing = process.store.set('a', 1)
    const closing = process.store.close()
    await Promise.all([writing, closing])
    await expect(process.store.set('a', 2)).rejects.toMatchObject({ code: 'CLOSED' })
    expect(await new Store(back).get('a')).toBe(1)
    expect(await back.marks.scan({ start: new Uint8Array(), end: undefined }, { after: undefined, limit: 9 })).toEqual(
      [],
    )
  })

  test('rejects with what the flush failed with; the next one that is opened has it', async () => {
    const machine = new Machine()
    const process = machine.start({ leaseMs: 1_000 })
    await process.store.set('a', 1)
    process.fail('flush', 'refuse')
    await expect(process.store.close()).rejects.toMatchObject({ code: 'DISK_FULL' })
    await machine.after(1_000)
    const next = machine.start()
    await next.tiers.recoverWrites()
    expect(await next.store.get('a')).toBe(1)
  })
})

describe('options', () => {
  const back = createMemoryBack()
  test.each([
    [{ acknowledge: 'maybe' }, /acknowledge must be one of memory, front, journal/],
    [{ maxDirty: 0 }, /maxDirty must be/],
    [{ maxBytes: 0.5 }, /maxBytes must be/],
    [{ maxAgeMs: -1 }, /maxAgeMs must be/],
    [{ capacity: 0 }, /capacity must be/],
    [{ leaseMs: 1 }, /leaseMs must be/],
    [{ maxCount: 1 }, /unknown option maxCount of writeBehind/],
    [{ presence: {} }, /presence must be an object with the methods describe, isGone/],
  ])('%o is refused', (writeBehind, message) => {
    expect(() => createTiered({ back, writeBehind: writeBehind as never })).toThrow(message)
  })
})
