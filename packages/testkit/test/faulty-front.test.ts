import { type SharedFront, StoreKey, systemClock } from '@tidemark/core'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  change,
  eventually,
  faultyFront,
  filling,
  type FrontMethod,
  simulatedFront,
  SimulatedServer,
} from '../src/index.ts'

const A = StoreKey.of('a')
const start = { epoch: '0000000a', head: 0, mark: '' }

async function startedFront(): Promise<SharedFront> {
  const front = simulatedFront(new SimulatedServer({ clock: systemClock }))
  onTestFinished(() => front.close())
  await eventually('it has a session', () => front.session !== undefined)
  await front.initialize(() => Promise.resolve(start))
  return front
}

async function versionIn(front: SharedFront): Promise<number | undefined> {
  return (await front.read([A], front.session!))[0]?.entry?.version
}

const CALLS: Record<FrontMethod, (front: SharedFront) => Promise<unknown>> = {
  look: (front) => front.look(),
  read: (front) => front.read([A], front.session!),
  apply: (front) => front.apply([change(1, 'a', 1)], 'install'),
  fill: (front) => front.fill([filling('a', 1, 1, 1)]),
  tail: (front) => front.tail({ from: 0, to: 1, changes: [change(1, 'a', 1)], mark: '', tailer: '' }),
  initialize: (front) => front.initialize(() => Promise.resolve({ ...start, epoch: '0000000b' })),
  discard: (front) => front.discard([A]).then(() => 'done'),
  inspect: (front) => front.inspect(A),
  records: (front) => front.records(undefined, 10),
}

describe('faultyFront', () => {
  it('is agreed on as the front that it wraps, a simulated one by its name', () => {
    const front = simulatedFront(new SimulatedServer({ clock: systemClock }), { name: 'far' })
    onTestFinished(() => front.close())
    expect([front.agreedAs, faultyFront(front).agreedAs]).toEqual(['far', 'far'])
  })

  it.each(Object.keys(CALLS) as FrontMethod[])('passes %s on, drops it, and drops its reply', async (method) => {
    const real = await startedFront()
    const faults = [undefined, 'drop-before', 'drop-after'] as const
    const front = faultyFront(real, ({ method: called, nth }) => (called === method ? faults[nth] : undefined))
    const call = CALLS[method]
    await expect(call(front)).resolves.toBeDefined()
    await expect(call(front)).rejects.toMatchObject({ code: 'FRONT_UNAVAILABLE', retryable: true, tier: real.name })
    await expect(call(front)).rejects.toMatchObject({ code: 'FRONT_UNAVAILABLE' })
    front.inject(undefined)
    await expect(call(front)).resolves.toBeDefined()
  })

  it('executes a call whose reply it drops, and no other', async () => {
    const real = await startedFront()
    const faults = ['drop-before', 'drop-after'] as const
    const front = faultyFront(real, ({ method, nth }) => (method === 'apply' ? faults[nth] : undefined))
    const apply = (seq: number): Promise<unknown> => front.apply([change(seq, 'a', seq)], 'install')
    await expect(apply(1)).rejects.toThrow()
    expect(await versionIn(real)).toBeUndefined()
    await expect(apply(2)).rejects.toThrow()
    expect(await versionIn(real)).toBe(2)
    await expect(apply(3)).resolves.toEqual(['installed'])
  })

  it('has the session of the real one', async () => {
    const real = await startedFront()
    const front = faultyFront(real, () => 'drop-before')
    const seen: unknown[] = []
    const stop = front.onSession((session) => seen.push(session))
    expect(front.session).toBe(real.session)
    front.reconnect()
    expect([front.session, seen]).toEqual([undefined, [undefined]])
    stop()
    await eventually('there is another one', () => front.session !== undefined)
    expect(seen).toHaveLength(1)
  })

  it.each(['before', 'after'] as const)(
    'holds calls %s they are executed, until it is told to let them go',
    async (where) => {
      const real = await startedFront()
      const front = faultyFront(real)
      const hold = front.hold('fill', where)
      const ended: number[] = []
      const fills = [1, 2].map((version) =>
        front.fill([filling('a', version, version, version)]).then(() => ended.push(version)),
      )
      await hold.arrived(2)
      expect(await versionIn(real)).toBe(where === 'before' ? undefined : 2)
      expect(ended).toEqual([])
      hold.release()
      await Promise.all(fills)
      expect(ended).toEqual([1, 2])
      expect(await versionIn(real)).toBe(2)
      await front.fill([filling('a', 3, 3, 3)])
    },
  )
})
