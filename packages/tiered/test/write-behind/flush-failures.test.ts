import { createMemoryBack, Store } from '@tidemark/core'
import { ManualClock } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { FlushFailure } from '../../src/index.ts'
import { keyOf } from '../support/fleet.ts'
import { Process } from './support/process.ts'

import { Machine, PATIENT, turns } from './support/machine.ts'

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

test('what is refused is not counted as flushed, and a checkpoint is no key', async () => {
  const machine = new Machine()
  const { store, tiers } = machine.start()
  const commit = machine.back.commit.bind(machine.back)
  machine.back.commit = async (proposal, ...rest) => {
    const { marks = [] } = proposal
    const isOfCheckpoint = typeof marks !== 'function' && marks.some(({ key }) => key.tuple[3] === 'checkpoint')
    const writes = proposal.reads.length === 0 ? proposal.decide([]) : []
    if (isOfCheckpoint || writes.some(({ key }) => key.id === keyOf('bad').id)) throw new RangeError('too large')
    return commit(proposal, ...rest)
  }
  await store.set('bad', 1)
  await expect(tiers.flush()).rejects.toMatchObject({ failures: [{ keys: [keyOf('bad').id] }] })
  expect(tiers.metrics().total).toMatchObject({ writes: 1, flushes: 0 })
  expect(tiers.metrics().keys.get(keyOf('bad').id)).toMatchObject({ flushes: 0 })
  await tiers.checkpoint('', { at: 1 })
  const failure = await tiers.flush().catch((error: unknown) => error as FlushFailure)
  expect(failure).toMatchObject({ failures: [{ keys: [] }], message: expect.not.stringContaining('\0') as string })
  await tiers.checkpoint('', { at: 2 })
  await store.set('good', 1)
  await tiers.flush().catch(() => undefined)
  expect([tiers.metrics().total.flushes, ...tiers.metrics().keys.keys()]).toEqual([
    1,
    keyOf('bad').id,
    keyOf('good').id,
  ])
})

test('a store that is closed flushes nothing, and says so', async () => {
  const { store, tiers } = new Machine().start()
  await store.set('a', 1)
  await store.close()
  await expect(tiers.flush()).rejects.toMatchObject({ code: 'CLOSED' })
})
