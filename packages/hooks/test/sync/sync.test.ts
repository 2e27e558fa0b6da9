import { type Back, createMemoryBack, Payload, Store, StoreKey } from '@tidemark/core'
import { ShiftedClock, shortPages } from '@tidemark/testkit'
import { afterEach, describe, expect, it } from 'vitest'
import {
  sync,
  type Sync,
  type SyncConflict,
  type SyncEvent,
  type SyncOptions,
  type SyncSource,
} from '../../src/index.ts'
import { contentOf } from '../support/content.ts'
import { tempStore } from '../support/temp-store.ts'
import { codec, commit, commitNumbers, deleting, setting } from '../support/writing.ts'

const running: Sync[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.close()))
})

function start(from: SyncSource, to: Back, options: Partial<SyncOptions> = {}) {
  const running_ = sync(from, to, { name: 's', ...options })
  running.push(running_)
  const conflicts: SyncConflict[] = []
  const events: SyncEvent[] = []
  running_.conflicts$.subscribe((conflict) => conflicts.push(conflict))
  running_.events$.subscribe((event) => events.push(event))
  return { sync: running_, conflicts, events }
}

describe.each([
  {
    name: 'memory',
    open: async () => ({ from: createMemoryBack(), to: createMemoryBack(), end: async () => undefined as unknown }),
  },
  {
    name: 'memory, whose pages end early',
    open: async () => ({
      from: shortPages(createMemoryBack()),
      to: shortPages(createMemoryBack()),
      end: async () => undefined as unknown,
    }),
  },
  {
    name: 'SQLite',
    open: async () => {
      const [one, two] = [await tempStore(), await tempStore()]
      const end = () => Promise.all([one[Symbol.asyncDispose](), two[Symbol.asyncDispose]()])
      return { from: one.open(), to: two.open(), end }
    },
  },
  {
    name: 'SQLite to memory',
    open: async () => {
      const one = await tempStore()
      return { from: one.open(), to: createMemoryBack(), end: () => one[Symbol.asyncDispose]() }
    },
  },
])('a sync: $name', ({ open }) => {
  it('copies what there is, and then every change, each commit as a whole', async () => {
    const { from, to, end } = await open()
    const store = new Store(from)
    for (let n = 0; n < 25; n++) await store.set(['n', n], { n })
    await store.set('meta', 1, { meta: { by: 'test' }, ttlMs: 60_000 })
    await store.set('gone', 1)
    await store.delete('gone')
    const { sync: one, conflicts } = start(from, to, { batch: 7 })
    await one.caughtUp()
    expect(await contentOf(to)).toEqual(await contentOf(from))
    expect((await contentOf(to)).size).toBe(26)
    await commit(from, setting('a', 1), setting('b', 1), setting('a', 2), deleting(['n', 3]))
    await one.caughtUp()
    expect(await contentOf(to)).toEqual(await contentOf(from))
    const head = await to.log.head()
    const copied = (await to.log.read({ after: head - 4, limit: 4 })).changes
    expect(copied.map(({ first, last, key, op }) => [first, last, key.id, op])).toEqual([
      [head - 3, head, 'a', 'set'],
      [head - 3, head, 'b', 'set'],
      [head - 3, head, 'a', 'set'],
      [head - 3, head, 'n:3', 'delete'],
    ])
    const originals = (await from.log.read({ after: (await from.log.head()) - 4, limit: 4 })).changes
    expect(copied.map(({ source, origin }) => ({ source, origin }))).toEqual(
      originals.map(({ seq, at, origin }) => ({ source: { log: from.log.identity.id, seq, at }, origin })),
    )
    expect(conflicts).toEqual([])
    expect(one.state).toMatchObject({ phase: 'following', position: await from.log.head(), error: undefined })
    await one.close()
    await end()
  })

  it('goes on where it stood, and takes nothing twice', async () => {
    const { from, to, end } = await open()
    await commitNumbers(from, 10)
    const first = start(from, to).sync
    await first.caughtUp()
    await first.close()
    await commitNumbers(from, 10, 5)
    const second = start(from, to).sync
    await second.caughtUp()
    expect(await to.log.head()).toBe(20)
    expect(await contentOf(to)).toEqual(await contentOf(from))
    await second.close()
    await end()
  })
})

it('is a follower that serves reads while it catches up', async () => {
  const [from, to] = [createMemoryBack(), createMemoryBack()]
  await commitNumbers(from, 100)
  const pages: number[] = []
  const held = Promise.withResolvers<void>()
  const source: SyncSource = {
    log: from.log,
    scan: async (...args) => {
      if (pages.push(await to.count({ start: new Uint8Array(), end: undefined })) === 4) await held.promise
      return from.scan(...args)
    },
  }
  const { sync: one } = start(source, to, { batch: 10 })
  const reader = new Store(to)
  while ((await reader.get(['n', 30])) === undefined) await new Promise(setImmediate)
  expect([await reader.get(['n', 5]), await reader.get(['n', 90]), one.state.phase]).toEqual([5, undefined, 'snapshot'])
  held.resolve()
  await one.caughtUp()
  expect([await reader.get(['n', 90]), pages.slice(0, 4)]).toEqual([90, [0, 10, 20, 30]])
})

it('deletes all that a restored source lacks, also where pages end early', async () => {
  const [from, to] = [shortPages(createMemoryBack()), shortPages(createMemoryBack())]
  await commitNumbers(from, 20)
  const { sync: one } = start(from, to)
  await one.caughtUp()
  await one.close()
  await new Store(from).deleteMany(Array.from({ length: 19 }, (_, i) => ['n', i + 1]))
  await from.restored()
  const { sync: two } = start(from, to)
  await two.caughtUp()
  expect([...(await contentOf(to)).keys()]).toEqual(['n:20'])
})

describe('what is taken over', () => {
  it('a prefix, a filter, other keys and other values', async () => {
    const [from, to] = [createMemoryBack(), createMemoryBack()]
    const store = new Store(from)
    for (let n = 0; n < 6; n++) await store.set(['user', n], n)
    await store.set('other', 1)
    const { sync: one } = start(from, to, {
      prefix: ['user'],
      filter: ([, n]) => (n as number) % 2 === 0,
      map: ([, n]) => ['copy', n!],
      mapValue: (value, [, n]) => `${String(value)} of ${String(n)}`,
    })
    await one.caughtUp()
    await store.delete(['user', 2])
    await store.set(['user', 4], 'four')
    await store.set(['user', 5], 'five')
    await one.caughtUp()
    expect([...(await contentOf(to))].map(([id, entry]) => [id, (entry as { value: unknown }).value])).toEqual([
      ['copy:0', '0 of 0'],
      ['copy:4', 'four of 4'],
    ])
  })

  it('an entry that cannot be mapped stops none of the others, and one that cannot be decoded is copied as it is', async () => {
    const [from, to] = [createMemoryBack(), createMemoryBack()]
    const damaged = Payload.fromBytes(codec, new Uint8Array([1, 0, 255, 255]))
    await commit(from, setting('a', 1), { ...setting('damaged', 1), payload: damaged } as never, setting('b', 1))
    const plain = start(from, to)
    await plain.sync.caughtUp()
    expect(to.readOne(StoreKey.of('damaged')).entry!.payload.bytes).toEqual(damaged.bytes)
    expect(to.readOne(StoreKey.of('b')).entry!.payload.decode()).toBe(1)
    const other = createMemoryBack()
    const mapped = start(from, other, {
      map: ([key]) => (key === 'a' ? ([] as never) : key!),
      mapValue: (value) => value,
    })
    await mapped.sync.caughtUp()
    expect([...(await contentOf(other)).keys()]).toEqual(['b'])
    expect(mapped.events).toMatchObject([
      { kind: 'entry-failed', key: 'a', seq: 1 },
      { kind: 'entry-failed', key: 'damaged', seq: 2, error: { code: 'CORRUPT' } },
    ])
  })

  it.each(['filter', 'map', 'mapValue'])('what a promise is to decide is left out, and said (%s)', async (option) => {
    const [from, to] = [createMemoryBack(), createMemoryBack()]
    await commitNumbers(from, 1)
    const { sync: one, events } = start(from, to, { [option]: async () => false })
    await one.caughtUp()
    expect((await contentOf(to)).size).toBe(0)
    expect(events).toMatchObject([{ kind: 'entry-failed', key: 'n:1', seq: 1, error: expect.any(Error) }])
  })

  it('tags: what is invalid in the source is so in the target, before, while and after it is copied', async () => {
    const [from, to] = [createMemoryBack(), createMemoryBack()]
    const [source, target] = [new Store(from), new Store(to)]
    await source.set('old', 1, { tags: ['t'] })
    await source.invalidateTag('t')
    await source.set('new', 1, { tags: ['t'] })
    await source.set('z', 1, { tags: ['u'] })
    let isFirst = true
    const disturbed: SyncSource = {
      log: from.log,
      scan: async (...args) => {
        const page = await from.scan(...args)
        if (isFirst) await source.invalidateTag('u')
        isFirst = false
        return page
      },
    }
    const { sync: one } = start(disturbed, to, { batch: 2, prefix: [] })
    await one.caughtUp()
    const seen = async () => [await target.get('old'), await target.get('new'), await target.get('z')]
    expect(await seen()).toEqual([undefined, 1, undefined])
    await source.set('z', 2, { tags: ['u'] })
    await one.caughtUp()
    expect(await seen()).toEqual([undefined, 1, 2])
    await source.invalidateTag('t')
    await one.caughtUp()
    expect(await seen()).toEqual([undefined, undefined, 2])
  })

  it('what expires, when it does, also where only the source has noticed', async () => {
    const [fast, slow] = [new ShiftedClock(), new ShiftedClock()]
    const [from, to] = [createMemoryBack({ clock: fast }), createMemoryBack({ clock: slow })]
    await new Store(from, { clock: fast }).set('k', 1, { ttlMs: 60_000 })
    const { sync: one } = start(from, to)
    await one.caughtUp()
    expect([...(await contentOf(to)).keys()]).toEqual(['k'])
    fast.step(61_000)
    await from.expire(10)
    await one.caughtUp()
    expect((await contentOf(to)).size).toBe(0)
  })
})

describe('a replica that is written to', () => {
  async function disturbedReplica(options: Partial<SyncOptions> = {}) {
    const [from, to] = [createMemoryBack(), createMemoryBack()]
    await commit(from, setting('a', 1), setting('b', 1), setting('c', 1), setting('d', 1))
    const parts = start(from, to, options)
    await parts.sync.caughtUp()
    await commit(to, setting('a', 'local'), deleting('b'), setting('c', 'local'))
    await commit(from, setting('a', 2))
    await commit(from, setting('b', 2))
    await commit(from, deleting('c'))
    await commit(from, setting('d', 2))
    await parts.sync.caughtUp()
    const values = Object.fromEntries(
      [...(await contentOf(to))].map(([id, entry]) => [id, (entry as { value: unknown }).value]),
    )
    return { from, to, ...parts, values }
  }

  it('loses to its source, and the loser is told', async () => {
    const { values, conflicts, sync: one, from } = await disturbedReplica()
    expect(values).toEqual({ a: 2, b: 2, d: 2 })
    expect(conflicts).toMatchObject([
      { key: ['a'], winner: 'source', source: { op: 'set', value: 2 }, target: { op: 'set', value: 'local' } },
      { key: ['b'], winner: 'source', source: { op: 'set', value: 2 }, target: { op: 'delete' } },
      { key: ['c'], winner: 'source', source: { op: 'delete' }, target: { op: 'set', value: 'local' } },
    ])
    await commit(from, setting('a', 3))
    await one.caughtUp()
    expect(conflicts).toHaveLength(3)
  })

  it('or wins, as it was told to', async () => {
    const { values, conflicts } = await disturbedReplica({ conflict: { policy: 'version', winner: 'target' } })
    expect(values).toEqual({ a: 'local', c: 'local', d: 2 })
    expect(conflicts.map(({ key, winner }) => [key[0], winner])).toEqual([
      ['a', 'target'],
      ['b', 'target'],
      ['c', 'target'],
    ])
  })

  it('or a function decides, and what it merges is a write of the replica', async () => {
    const boom = new Error('boom')
    const { values, conflicts, to, events } = await disturbedReplica({
      conflict: {
        policy: 'custom',
        resolve: ({ key, source, target }) => {
          if (key[0] === 'c') throw boom
          return key[0] === 'b' ? 'delete' : { value: [source.value, target.value], meta: 'merged' }
        },
      },
    })
    expect(values).toEqual({ a: [2, 'local'], c: 'local', d: 2 })
    expect(conflicts.map(({ key, winner }) => [key[0], winner])).toEqual([
      ['a', 'merged'],
      ['b', 'merged'],
    ])
    expect(events).toMatchObject([{ kind: 'entry-failed', key: 'c', error: boom }])
    const { entry } = to.readOne(StoreKey.of('a'))
    const [row] = await to.log.at([entry!.version])
    expect(row).toMatchObject({ source: undefined, origin: to.origin })
  })

  it('after a restart of the sync, what it wrote before is still known as its own', async () => {
    const [from, to] = [createMemoryBack(), createMemoryBack()]
    for (let n = 0; n < 5; n++) {
      await commit(from, setting(['n', n], 0))
      const each = start(from, to)
      await each.sync.caughtUp()
      await each.sync.close()
      await commit(to, setting('local', n))
    }
    const last = start(from, to)
    for (let n = 0; n < 5; n++) await commit(from, setting(['n', n], 1))
    await commit(from, setting('local', 'source'))
    await last.sync.caughtUp()
    expect(last.conflicts.map(({ key }) => key)).toEqual([['local']])
  })
})
