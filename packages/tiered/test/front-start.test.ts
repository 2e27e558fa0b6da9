import { eventually, type Hold } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { Fleet, type Instance, useRedis } from './support/fleet.ts'

const redis = useRedis()

const startsOf = (...instances: readonly Instance[]): number =>
  instances.flatMap(({ events }) => events.filter(({ type }) => type === 'front-started')).length

/** Redis was started anew, by whomever, and is read again. */
const isBack = ({ events, isServing }: Instance): boolean =>
  isServing() && events.some((event) => event.type === 'front-bypassed' && event.reason === 'starting')

describe('of several processes that find Redis lost, one starts it anew', () => {
  test('when all find it at the same time', async () => {
    const fleet = new Fleet(redis.server)
    const all = await Promise.all([fleet.open(), fleet.open(), fleet.open()])
    const looks = all.map(({ front }) => front.hold('look'))
    await Promise.all(looks.map((look) => look.arrived()))
    const starts = all.map(({ front }) => front.hold('initialize'))
    await fleet.raw.flushall()
    for (const look of looks) look.release()
    // Each has decided that it is needed.
    await Promise.all(starts.map((start) => start.arrived()))
    for (const start of starts) start.release()
    await eventually('it serves again', () => all.every(isBack))
    expect(startsOf(...all)).toBe(1)
    expect(new Set(all.map(({ front }) => front.session!.epoch)).size).toBe(1)
  })

  test('when one of them comes late, and Redis is in use again', async () => {
    const fleet = new Fleet(redis.server)
    const [a, late] = await Promise.all([fleet.open(), fleet.open()])
    const [first, start] = [a, late].map(({ front }) => front.hold('initialize')) as [Hold, Hold]
    await fleet.raw.flushall()
    // Both have decided that it is needed.
    await Promise.all([first.arrived(), start.arrived()])
    first.release()
    await eventually('it was started, and serves', () => isBack(a))
    await a.store.set('k', 1)
    const { session } = a.front
    start.release()
    await eventually('it serves again', () => isBack(late))
    expect(a.front.session).toBe(session)
    expect(late.front.session).toEqual(session)
    expect(await late.store.get('k', { readPolicy: 'frontend-only' })).toBe(1)
    expect(startsOf(a, late)).toBe(1)
  })

  test('when one is gone between its announcement and its completion, another one', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open()
    const start = a.front.hold('initialize')
    await fleet.raw.flushall()
    await start.arrived()
    const [seconds, micros] = await fleet.raw.time()
    const now = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
    await fleet.raw.hset(`${fleet.namespace}:{p0}.m`, { n: 'gone', a: now })
    start.release()
    await eventually('it serves again', () => isBack(a))
    expect(startsOf(a)).toBe(1)
  })
})

describe('what was written while Redis is being started', () => {
  const held = (a: Instance, key: string): Promise<unknown> => a.store.get(key, { readPolicy: 'frontend-only' })

  test('is filled in when it is ready', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open()
    const start = a.front.hold('initialize')
    await fleet.raw.flushall()
    await start.arrived()
    await a.store.set('k', 1)
    await a.store.set('k', 2)
    await a.store.set('other', 1, { writePolicy: 'write-around' })
    await a.store.setMany(Array.from({ length: 250 }, (_, i) => [['many', i], i]))
    await a.store.set('deleted', 1)
    await a.store.delete('deleted')
    start.release()
    await eventually('it serves again', () => isBack(a))
    await eventually(
      'it is filled',
      async () => (await a.store.get(['many', 249], { readPolicy: 'frontend-only' })) === 249,
    )
    expect(await Promise.all(['k', 'other', 'deleted'].map((key) => held(a, key)))).toEqual([2, undefined, undefined])
  })

  test('is filled in also when it was started by somebody else', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b] = await Promise.all([fleet.open(), fleet.open()])
    const [start, other] = [a, b].map(({ front }) => front.hold('initialize')) as [Hold, Hold]
    await fleet.raw.flushall()
    await Promise.all([start.arrived(), other.arrived()])
    await a.store.set('k', 1)
    other.release()
    await eventually('it serves again', () => isBack(b))
    start.release()
    await eventually('it is filled', async () => (await held(b, 'k')) === 1)
  })

  test('after a restore, and before the start that it calls for, is filled in behind that', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open()
    const look = a.front.hold('look')
    await look.arrived()
    const { epoch } = a.front.session!
    await a.tiers.restored()
    await a.store.set('k', 1)
    expect(a.front.session!.epoch).toBe(epoch)
    look.release()
    await eventually('it was started', () => a.front.session?.epoch !== undefined && a.front.session.epoch !== epoch)
    await eventually('it serves again', () => isBack(a))
    await eventually('it is filled', async () => (await held(a, 'k')) === 1)
  })
})

describe('what was read from the back tier while Redis is being started', () => {
  /** An instance that has found Redis lost, and starts it when it is told to. */
  const starting = async (fleet: Fleet): Promise<{ readonly a: Instance; readonly start: Hold }> => {
    const a = await fleet.open()
    await a.store.setMany([
      ['k', 1],
      ['other', 1],
    ])
    const start = a.front.hold('initialize')
    await fleet.raw.flushall()
    await start.arrived()
    return { a, start }
  }

  test('is filled in when it is ready, in one go', async () => {
    const fleet = new Fleet(redis.server)
    const { a, start } = await starting(fleet)
    const fills = a.front.hold('fill')
    expect(await Promise.all(['k', 'other', 'absent'].map((key) => a.store.get(key)))).toEqual([1, 1, undefined])
    expect(await a.store.get('k')).toBe(1)
    start.release()
    await eventually('it serves again', () => isBack(a))
    await fills.arrived()
    const read = a.back.keysRead
    fills.release()
    await eventually('it is filled', async () => (await a.store.get('k', { readPolicy: 'frontend-only' })) === 1)
    expect(await Promise.all(['k', 'other', 'absent'].map((key) => a.store.get(key)))).toEqual([1, 1, undefined])
    expect(a.back.keysRead).toBe(read)
  })

  test('is not, when it has been replaced meanwhile', async () => {
    const fleet = new Fleet(redis.server)
    const { a, start } = await starting(fleet)
    const other = await fleet.open({ redis: false })
    const fills = a.front.hold('fill', 'after')
    expect(await a.store.get('k')).toBe(1)
    await other.store.set('k', 2)
    start.release()
    await fills.arrived()
    fills.release()
    await eventually('it serves again', () => isBack(a))
    expect(await a.store.get('k', { readPolicy: 'frontend-only' })).toBeUndefined()
    expect(await a.store.get('k')).toBe(2)
  })
})
