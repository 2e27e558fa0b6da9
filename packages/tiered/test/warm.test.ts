import { createMemoryBack, createNearMemory, type Fill, Payload, Store, type StoreEntry, tagKey } from '@tidemark/core'
import { codec } from '@tidemark/testkit'
import { lastValueFrom, toArray } from 'rxjs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createTiered } from '../src/index.ts'
import { heldIn, Fleet, type Instance, keyOf, useRedis } from './support/fleet.ts'
import { late } from './support/late.ts'

const redis = useRedis()
const only = { readPolicy: 'frontend-only' } as const

/** A fleet whose file holds this many entries and whose fronts hold none, and a cold instance. */
async function cold(entries: number): Promise<{ fleet: Fleet; a: Instance }> {
  const fleet = new Fleet(redis.server)
  const writer = await fleet.open({ writePolicy: 'write-around' })
  await writer.store.setMany(Array.from({ length: entries }, (_, i) => [['n', i], i] as const))
  return { fleet, a: await fleet.open({ near: true }) }
}

test('fills every front page by page, and says how far it is', async () => {
  const { a } = await cold(1_200)
  const progress = await lastValueFrom(a.tiers.warm().pipe(toArray()))
  expect(progress.map(({ done, total }) => [done, total])).toEqual([
    [500, 1_200],
    [1_000, 1_200],
    [1_200, 1_200],
  ])
  expect(progress.at(-1)!.filled).toEqual({ near: 1_200, redis: 1_200 })
  for (const { rate } of progress) expect(rate).toBeGreaterThan(0)
  for (const i of [0, 499, 500, 1_199]) {
    expect(a.tiers.peek(keyOf(['n', i]).id)?.entry?.payload.read()).toBe(i)
    expect((await heldIn(a.redis, [keyOf(['n', i])]))[0]?.entry?.payload.read()).toBe(i)
  }
  expect(await lastValueFrom(a.tiers.warm())).toMatchObject({ done: 1_200, filled: { near: 0, redis: 0 } })
})

test('entries that are large come in more pages, and all of them', async () => {
  const fleet = new Fleet(redis.server)
  const writer = await fleet.open({ writePolicy: 'write-around' })
  for (let i = 0; i < 18; i++) await writer.store.set(['n', i], 'x'.repeat(600_000))
  const a = await fleet.open()
  const progress = await lastValueFrom(a.tiers.warm().pipe(toArray()))
  expect(progress.at(-1)).toMatchObject({ done: 18, total: 18, filled: { redis: 18 } })
  expect(progress.length).toBeGreaterThan(2)
})

test('an empty store is warm at once', async () => {
  const { a } = await cold(0)
  expect(await lastValueFrom(a.tiers.warm().pipe(toArray()))).toMatchObject([{ done: 0, total: 0 }])
})

test('what the store keeps for itself, and what readers do not see any more, is neither counted nor shown to anybody', async () => {
  const { a, fleet } = await cold(2)
  const writer = await fleet.open({ writePolicy: 'write-around' })
  await writer.store.set('gone', 1, { tags: ['x'] })
  await writer.store.invalidateTag('x')
  await writer.store.set('tagged', 2, { tags: ['x', 'y'] })
  await writer.store.set('root', ['gone', 'tagged'])
  const counted = { done: 4, total: 4, filled: { near: 4, redis: 4 } }
  expect(await lastValueFrom(a.tiers.warm('full'))).toMatchObject(counted)
  const seen: unknown[] = []
  const choice = a.tiers.warm((page) => {
    seen.push(...page.map(({ key }) => key))
    return []
  })
  expect(await lastValueFrom(choice)).toMatchObject({ done: 4, total: 4, filled: { near: 0, redis: 0 } })
  expect(seen).toEqual([['n', 0], ['n', 1], ['root'], ['tagged']])
  // The tag came too: near memory can say by itself what it hides.
  expect(a.tiers.peek(tagKey('x').id)?.entry?.version).toBe(4)
  const walk = { roots: ['root'], next: ({ value }: StoreEntry) => (Array.isArray(value) ? (value as string[]) : []) }
  expect(await lastValueFrom(a.tiers.warm({ walk }))).toMatchObject({ done: 2, total: 2 })
})

test('nothing happens until it is subscribed to', async () => {
  const { a } = await cold(10)
  const warming = a.tiers.warm()
  expect(await a.store.get(['n', 1], only)).toBeUndefined()
  await lastValueFrom(warming)
  expect(await a.store.get(['n', 1], only)).toBe(1)
})

test('a prefix and a choice of fronts', async () => {
  const { a } = await cold(10)
  await a.store.setMany(
    [
      [['m', 1], 1],
      [['m', 2], 2],
    ],
    { writePolicy: 'write-around' },
  )
  expect(await lastValueFrom(a.tiers.warm({ prefix: 'm', tiers: ['redis'] }))).toMatchObject({
    done: 2,
    total: 2,
    filled: { redis: 2 },
  })
  expect(a.tiers.peek(keyOf(['m', 1]).id)).toBeUndefined()
  expect((await heldIn(a.redis, [keyOf(['m', 1]), keyOf(['n', 1])])).map((found) => found?.entry?.version)).toEqual([
    11,
    undefined,
  ])
})

describe('ends early', () => {
  test('by its signal: it completes with what was done', async () => {
    const { a } = await cold(1_200)
    const stop = new AbortController()
    const seen: number[] = []
    await new Promise<void>((resolve, reject) =>
      a.tiers.warm({ signal: stop.signal }).subscribe({
        next: ({ done }) => {
          seen.push(done)
          stop.abort()
        },
        error: reject,
        complete: resolve,
      }),
    )
    expect(seen).toEqual([500])
    expect(await a.store.get(['n', 700], only)).toBeUndefined()
  })

  test('by a signal that aborts from outside, with nothing to wait for: other work has its turn between the pages', async () => {
    const memory = createMemoryBack()
    const tiers = createTiered({ back: memory, near: createNearMemory() })
    onTestFinished(() => tiers.close())
    await new Store(tiers).setMany(Array.from({ length: 5_000 }, (_, i) => [i, i] as const))
    const stop = new AbortController()
    const seen: number[] = []
    await new Promise<void>((complete, error) =>
      tiers.warm({ signal: stop.signal }).subscribe({
        next: ({ done }) => {
          seen.push(done)
          if (seen.length === 1) setImmediate(() => stop.abort())
        },
        error,
        complete,
      }),
    )
    expect(seen).toEqual([500])
  })

  test('by a signal that has aborted already: it reads nothing', async () => {
    const { a } = await cold(10)
    const progress = await lastValueFrom(a.tiers.warm({ signal: AbortSignal.abort() }).pipe(toArray()))
    expect(progress).toEqual([])
    expect(await a.store.get(['n', 1], only)).toBeUndefined()
  })

  test('by unsubscribing', async () => {
    const { a } = await cold(1_200)
    const fills = a.front.hold('fill')
    const subscription = a.tiers.warm({ tiers: ['redis'] }).subscribe()
    await fills.arrived()
    subscription.unsubscribe()
    fills.release()
    // The page that was under way is the last one: another warm-up takes three, after it.
    await lastValueFrom(a.tiers.warm({ tiers: ['redis'] }))
    expect(a.back.scans).toBe(4)
  })

  test('by closing the store, with an error', async () => {
    const { a } = await cold(1_200)
    const fills = a.front.hold('fill')
    const warming = lastValueFrom(a.tiers.warm()).catch((error: unknown) => error)
    await fills.arrived()
    const closing = a.tiers.close()
    fills.release()
    await closing
    expect(await warming).toMatchObject({ code: 'CLOSED' })
  })
})

test('live writes win: what was written or deleted after the page was read stays', async () => {
  const { fleet, a } = await cold(10)
  const b = await fleet.open({ near: true })
  const fill = late(a.front, 'fill')
  const warming = lastValueFrom(a.tiers.warm({ tiers: ['redis'] }))
  await fill.sent
  await b.store.set(['n', 1], 'written')
  await b.store.set(['n', 2], 'around', { writePolicy: 'write-around' })
  await b.store.delete(['n', 3])
  await fill.arrive()
  expect((await warming).filled).toEqual({ redis: 7 })
  const c = await fleet.open()
  expect(await c.store.get(['n', 1])).toBe('written')
  expect(await c.store.get(['n', 2])).toBe('around')
  expect(await c.store.get(['n', 3])).toBeUndefined()
  expect(await c.store.get(['n', 4], only)).toBe(4)
})

test('a front that fails is passed over, and told', async () => {
  const { a } = await cold(1_200)
  a.front.inject(({ method, nth }) => (method === 'fill' && nth === 1 ? 'drop-before' : undefined))
  const { done, filled } = await lastValueFrom(a.tiers.warm())
  expect(done).toBe(1_200)
  expect(filled).toEqual({ near: 1_200, redis: 700 })
  expect(a.events).toMatchObject([{ type: 'front-failed', call: 'fill' }])
})

test('a mirror that cannot ask a front what it holds has done all else, and then says so', async () => {
  const { a } = await cold(2)
  a.front.inject(({ method }) => (method === 'records' ? 'drop-before' : undefined))
  const seen: unknown[] = []
  await expect(a.tiers.warm('mirror').forEach((progress) => seen.push(progress))).rejects.toMatchObject({
    code: 'FRONT_UNAVAILABLE',
    message: expect.stringContaining('records') as unknown,
  })
  expect(seen.at(-1)).toMatchObject({ done: 2, filled: { near: 2, redis: 2 }, removed: { near: 0, redis: 0 } })
})

test('what it cannot do is a TypeError at once', async () => {
  const { a } = await cold(0)
  expect(() => a.tiers.warm({ tiers: ['sqlite'] })).toThrow(
    'there is no front named sqlite to warm; there is near, redis',
  )
  expect(() => a.tiers.warm({ tiers: 'redis' } as never)).toThrow(
    "option tiers must be an array or another iterable, such as ['redis'], not redis",
  )
  expect(() => a.tiers.warm({ tier: 'near' } as never)).toThrow(
    'unknown option tier of warm; allowed: strategy, prefix, walk, tiers, waitMs, signal',
  )
  expect(() => a.tiers.warm({ signal: {} } as never)).toThrow('option signal must be an object with the methods')
})

describe('konserve sync strategies', () => {
  const missing = { near: undefined, redis: undefined }

  test('full: what the fronts hold already is brought anew; missing: it is not', async () => {
    const { a } = await cold(600)
    await lastValueFrom(a.tiers.warm('missing'))
    expect((await lastValueFrom(a.tiers.warm('missing'))).filled).toEqual({ near: 0, redis: 0 })
    expect((await lastValueFrom(a.tiers.warm('full'))).filled).toEqual({ near: 600, redis: 600 })
    expect(await a.store.get(['n', 599], only)).toBe(599)
  })

  test('mirror: shared fronts let go of what the back tier does not hold, within the prefix', async () => {
    const { a } = await cold(2)
    const session = a.redis.session!
    const ghost = (first: string): Fill => {
      const key = keyOf([first, 1])
      const payload = Payload.encode(codec, 'ghost')
      const entry = { key, version: 1, payload, writtenAt: 1, expiresAt: undefined, meta: undefined }
      return { key, found: { entry, asOf: 2, until: Infinity, tier: 'sqlite' }, asOf: 2 }
    }
    await a.redis.fill([ghost('n'), ghost('m'), ghost('q')])
    const progress = await lastValueFrom(a.tiers.warm({ strategy: 'mirror', prefix: 'm' }))
    expect(progress).toMatchObject({ done: 0, total: 0, removed: { redis: 1 } })
    expect(await a.redis.read([keyOf(['m', 1])], session)).toEqual([undefined])
    expect(await lastValueFrom(a.tiers.warm('mirror'))).toMatchObject({ done: 2, removed: { redis: 1 } })
    expect(await a.redis.read([keyOf(['q', 1])], session)).toEqual([undefined])
    expect((await lastValueFrom(a.tiers.warm('mirror'))).removed).toEqual({ near: 0, redis: 0 })
    expect(await heldIn(a.redis, [keyOf(['n', 0]), keyOf(['n', 1])])).toMatchObject([{ entry: {} }, { entry: {} }])
  })

  test('a function of both key sets chooses, and counts say what was really written', async () => {
    const { a } = await cold(3)
    await a.store.get(['n', 0])
    const pages: unknown[] = []
    const { filled } = await lastValueFrom(
      a.tiers.warm((page) => {
        pages.push(...page)
        return page.filter(({ key }) => key[1] !== 2).map(({ key }) => key)
      }),
    )
    expect(pages).toEqual([
      { key: ['n', 0], version: 1, held: { near: 1, redis: 1 } },
      { key: ['n', 1], version: 2, held: missing },
      { key: ['n', 2], version: 3, held: missing },
    ])
    expect(filled).toEqual({ near: 1, redis: 1 })
    expect(await a.store.get(['n', 2], only)).toBeUndefined()
  })

  test('a walk from roots brings what they lead to, each once', async () => {
    const { a } = await cold(0)
    await a.store.setMany(
      [
        ['root', ['x', 'y']],
        ['x', ['z', 'root', 'nowhere']],
        ['y', ['z']],
        ['z', []],
        ['apart', ['root']],
      ],
      { writePolicy: 'write-around' },
    )
    const visited: unknown[] = []
    const walk = {
      roots: ['root'],
      next({ key, value }: StoreEntry): string[] {
        visited.push(...key)
        return value as string[]
      },
    }
    const progress = await lastValueFrom(a.tiers.warm({ walk }))
    expect(visited).toEqual(['root', 'x', 'y', 'z'])
    expect(progress).toMatchObject({ done: 4, total: 4, filled: { near: 4, redis: 4 } })
    expect(await a.store.get('z', only)).toEqual([])
    expect(await a.store.get('apart', only)).toBeUndefined()
  })

  test('a function and a walk may take their time', async () => {
    const { a } = await cold(3)
    const chosen = a.tiers.warm(async (page) => page.slice(1).map(({ key }) => key))
    expect((await lastValueFrom(chosen)).filled).toEqual({ near: 2, redis: 2 })
    const walk = { roots: [['n', 0]], next: async () => [['n', 1]] }
    expect(await lastValueFrom(a.tiers.warm({ walk }))).toMatchObject({ done: 2, filled: { near: 1, redis: 1 } })
  })

  test('roots that can be iterated over once are there for every subscription', async () => {
    const { a } = await cold(2)
    const walking = a.tiers.warm({ walk: { roots: [['n', 0]].values(), next: () => [] } })
    await lastValueFrom(walking)
    expect(await lastValueFrom(walking)).toMatchObject({ done: 1 })
  })

  test.each([5, undefined, 'ab', { a: 1 }, new Uint8Array(1), [{}]])(
    'a function or a walk that returns %o, which is no list of keys, is a TypeError, and so is one that promises it',
    async (wrong) => {
      const { a } = await cold(1)
      for (const returned of [wrong, Promise.resolve(wrong)] as never[]) {
        await expect(lastValueFrom(a.tiers.warm(() => returned))).rejects.toThrow(TypeError)
        const walk = { roots: [['n', 0]], next: () => returned }
        await expect(lastValueFrom(a.tiers.warm({ walk }))).rejects.toThrow(TypeError)
      }
      expect(() => a.tiers.warm({ walk: { roots: wrong as never, next: () => [] } })).toThrow(TypeError)
      expect(await a.store.get(['n', 0], only)).toBeUndefined()
    },
  )

  test('what a strategy or a walk throws ends the run', async () => {
    const { a } = await cold(1)
    const fail = (): never => {
      throw new Error('no choice')
    }
    await expect(lastValueFrom(a.tiers.warm(fail))).rejects.toThrow('no choice')
    await expect(lastValueFrom(a.tiers.warm({ walk: { roots: [['n', 0]], next: fail } }))).rejects.toThrow('no choice')
    expect(() => a.tiers.warm('some' as never)).toThrow('option strategy must be one of missing, full, mirror')
    expect(() => a.tiers.warm({ walk: { roots: [], next: () => [] }, prefix: 'n' })).toThrow('either walk or prefix')
  })
})
