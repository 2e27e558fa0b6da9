import { TidemarkError } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import { keyOf } from '../support/fleet.ts'
import { Machine } from './support/machine.ts'
import type { Process } from './support/process.ts'

const LEASE_MS = 1_000
const busy = (): TidemarkError =>
  new TidemarkError('BUSY', 'another process keeps the file locked', { retryable: true })

async function lettersOf({ tiers }: Process): Promise<readonly unknown[]> {
  return Array.fromAsync(tiers.deadLetters(), ({ writes }) => writes.map(({ key, value }) => [key[0], value]))
}

describe('in memory, a lease that has run out', () => {
  const memory = { leaseMs: LEASE_MS, acknowledge: 'memory' } as const

  test('while there was nothing to flush is taken again for the next write', async () => {
    const machine = new Machine()
    const process = machine.start(memory)
    await process.store.set('a', 1)
    await process.tiers.flush()
    await machine.after(6 * LEASE_MS)
    // Before the next write, and so no business of it.
    await machine.other.set('a', 2)
    await process.store.set('a', 3)
    await process.tiers.flush()
    expect([await machine.other.get('a'), await lettersOf(process), process.errors]).toEqual([3, [], []])
  })

  test.each([
    ['the process was stopped', async (machine: Machine) => machine.after(5 * LEASE_MS)],
    ['the wall clock was put forward', async (machine: Machine) => machine.clock.step(10 * LEASE_MS)],
  ])('because %s costs what nobody else has written nothing', async (_, happens) => {
    const machine = new Machine()
    const process = machine.start(memory)
    await process.store.set('a', 1)
    process.pause()
    await happens(machine)
    await machine.other.set('b', 'of others')
    process.resume()
    await process.store.set('c', 1)
    await process.tiers.flush()
    expect(await machine.other.getMany(['a', 'b', 'c']).then((found) => [...found.values()])).toEqual([
      1,
      'of others',
      1,
    ])
    expect([await lettersOf(process), process.errors]).toEqual([[], []])
  })

  test('because the disk was full for so long costs nothing, either', async () => {
    const machine = new Machine()
    const process = machine.start(memory)
    const { leases } = machine.back
    const renew = leases.renew.bind(leases)
    leases.renew = () => Promise.reject(new TidemarkError('DISK_FULL', 'no room', { retryable: true }))
    await process.store.set('a', 1)
    for (let i = 0; i < 20; i++) process.fail('flush', 'refuse')
    await expect(process.tiers.flush()).rejects.toMatchObject({ code: 'DISK_FULL' })
    for (let i = 0; i < 3; i++) await machine.after(LEASE_MS)
    leases.renew = renew
    process.forgive()
    await process.tiers.flush()
    expect([await machine.other.get('a'), await lettersOf(process)]).toEqual([1, []])
  })

  test('is too late for what others have written meanwhile, deleted or not, and for what was written together with it', async () => {
    const machine = new Machine()
    await machine.other.set('gone', 'older')
    const process = machine.start(memory)
    await process.store.set('fine', 1)
    await process.store.setMany([
      ['a', 'slow'],
      ['with a', 'slow'],
    ])
    await process.store.set('gone', 'slow')
    process.pause()
    await machine.after(5 * LEASE_MS)
    await machine.other.set('a', 'newer')
    await machine.other.delete('gone')
    process.resume()
    await process.store.set('later', 1)
    const failure = await process.tiers.flush().catch((error: unknown) => error)
    const found = await machine.other.getMany(['fine', 'a', 'with a', 'gone', 'later'])
    expect(Array.from(found, ([[key], value]) => [key, value])).toEqual([
      ['fine', 1],
      ['a', 'newer'],
      ['later', 1],
    ])
    const together = [keyOf('a').id, keyOf('with a').id]
    expect(failure).toMatchObject({ failures: [{ keys: together }, { keys: [keyOf('gone').id] }] })
    expect(await lettersOf(process)).toEqual(
      expect.arrayContaining([
        [
          ['a', 'slow'],
          ['with a', 'slow'],
        ],
        [['gone', 'slow']],
      ]),
    )
  })

  test('is too late for what carries a tag that others have invalidated meanwhile', async () => {
    const machine = new Machine()
    const process = machine.start(memory)
    await process.store.set('tagged', 'slow', { tags: ['t'] })
    await process.store.set('other', 'slow', { tags: ['u'] })
    process.pause()
    await machine.after(5 * LEASE_MS)
    await machine.other.invalidateTag('t')
    process.resume()
    await expect(process.tiers.flush()).rejects.toMatchObject({ failures: [{ keys: [keyOf('tagged').id] }] })
    expect([await machine.other.get('tagged'), await machine.other.get('other')]).toEqual([undefined, 'slow'])
  })

  test('is too late for everything where nobody can tell any more what others have written', async () => {
    const machine = new Machine()
    const process = machine.start(memory)
    await process.store.set('a', 'slow')
    process.pause()
    await machine.after(5 * LEASE_MS)
    for (let i = 0; i < 5; i++) await machine.other.set('b', i)
    await machine.back.compaction.compact({ upTo: 4, limit: 100 })
    process.resume()
    await process.tiers.flush().catch(() => undefined)
    const floor = await machine.back.log.floor()
    expect([floor, await machine.other.get('a'), await lettersOf(process)]).toEqual([4, undefined, [[['a', 'slow']]]])
  })
})

describe('a journal whose lease has run out', () => {
  /** The lease of its journal has run out, since nobody could renew it, and cannot be had again at first. */
  async function lapsed(method: 'acquire' | 'read'): Promise<{ readonly machine: Machine; readonly process: Process }> {
    const machine = new Machine()
    const process = machine.start({ leaseMs: LEASE_MS })
    await process.store.set('k', 'old')
    const { leases, marks } = machine.back
    const renew = leases.renew.bind(leases)
    leases.renew = () => Promise.reject(busy())
    for (let i = 0; i < 3; i++) await machine.after(LEASE_MS)
    leases.renew = renew
    const port = (method === 'acquire' ? leases : marks) as unknown as Record<string, (...args: unknown[]) => unknown>
    const real = port[method]!.bind(port)
    port[method] = async () => {
      port[method] = real
      throw busy()
    }
    return { machine, process }
  }

  test.each(['acquire', 'read'] as const)(
    'and that cannot be had again at first (%s) is flushed once, and not over what is newer',
    async (method) => {
      const { machine, process } = await lapsed(method)
      await expect(process.tiers.flush()).rejects.toMatchObject({ code: 'BUSY' })
      await machine.after(LEASE_MS)
      await process.tiers.flush()
      expect(await machine.other.get('k')).toBe('old')
      await machine.other.set('k', 'newer')
      process.kill()
      await machine.after(2 * LEASE_MS)
      const next = machine.start()
      await next.tiers.recoverWrites()
      expect([await next.store.get('k'), await machine.back.log.head()]).toEqual(['newer', 2])
    },
  )

  test('and that cannot be had again at first takes no write, and then takes it', async () => {
    const { machine, process } = await lapsed('acquire')
    await expect(process.store.set('k', 'refused')).rejects.toMatchObject({ code: 'BUSY' })
    await process.store.set('k', 'taken')
    await process.tiers.flush()
    expect(await machine.other.get('k')).toBe('taken')
    process.kill()
    await machine.after(2 * LEASE_MS)
    await machine.start().tiers.recoverWrites()
    const { changes } = await machine.back.log.read({ after: 0, limit: 9 })
    expect(changes.map(({ payload }) => payload?.read())).toEqual(['old', 'taken'])
  })

  test('before anybody has heard of it is taken anew, and the caller hears nothing of that', async () => {
    const machine = new Machine()
    const process = machine.start({ leaseMs: LEASE_MS })
    const { leases } = machine.back
    const acquire = leases.acquire.bind(leases)
    leases.acquire = async (...args) => {
      leases.acquire = acquire
      const grant = await acquire(...args)
      machine.clock.advance(2 * LEASE_MS)
      return grant
    }
    await process.store.set('a', 1)
    await process.tiers.flush()
    expect([await machine.other.get('a'), process.errors]).toEqual([1, []])
  })
})
