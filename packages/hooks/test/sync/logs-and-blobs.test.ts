import {
  ALL_KEYS,
  type Back,
  createMemoryBack,
  partOf,
  type Proposal,
  type ScanPage,
  Store,
  type StoreKey,
  TidemarkError,
} from '@tidemark/core'
import { eventually, shortPages } from '@tidemark/testkit'
import { afterEach, describe, expect, it } from 'vitest'
import { sync, type Sync, type SyncOptions, type SyncSource, type SyncTarget } from '../../src/index.ts'
import { tempStore } from '../support/temp-store.ts'

const CHUNK = 256 * 1024

const running: Sync[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.close()))
})

function start(from: SyncSource, to: SyncTarget, options: Partial<SyncOptions> = {}): Sync {
  const started = sync(from, to, { name: 's', ...options })
  running.push(started)
  return started
}

/** What users read of a store, logs and blobs included, by the id of the key. */
async function readable(back: Back): Promise<Map<string, unknown>> {
  const store = new Store(back)
  const content = new Map<string, unknown>()
  for await (const entry of store.entries()) {
    const { key, type } = entry
    const id = JSON.stringify(key)
    if (type === 'log') content.set(id, await Array.fromAsync(store.log(key)))
    else if (type === 'blob') content.set(id, Buffer.from((await store.blob(key).bytes())!).toString('base64'))
    else content.set(id, entry.value)
  }
  return content
}

async function partsIn(back: Back): Promise<number> {
  let [parts, after, isMore]: [number, StoreKey | undefined, boolean] = [0, undefined, true]
  while (isMore) {
    const page: ScanPage = await back.scan(ALL_KEYS, { after, limit: 10_000, reverse: false })
    parts += page.entries.filter(({ key }) => partOf(key) !== undefined).length
    after = page.entries.at(-1)?.key
    isMore = !page.isLast
  }
  return parts
}

function bytes(size: number, fill: number): Uint8Array {
  return new Uint8Array(size).fill(fill)
}

describe.each([
  {
    name: 'memory',
    open: async () => ({ from: createMemoryBack(), to: createMemoryBack(), end: async () => undefined as unknown }),
  },
  {
    name: 'memory, whose pages end early',
    open: async () => ({
      from: shortPages(createMemoryBack(), 100),
      to: shortPages(createMemoryBack(), 100),
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
])('a sync of logs and blobs: $name', ({ open }) => {
  it.each(['version', 'lastWriter'] as const)('copies what there is, and then every change, by %s', async (policy) => {
    const { from, to, end } = await open()
    const store = new Store(from)
    await store.log(['l', 1]).appendMany(Array.from({ length: 1_100 }, (_, i) => i))
    await store.log(['l', 2]).append('one', { meta: 'm', tags: ['t'] })
    await store.blob(['b', 1]).write(bytes(6 * CHUNK + 5, 7), { meta: { name: 'b' } })
    await store.set('v', 1)
    const one = start(from, to, { conflict: { policy }, batch: 200 })
    await one.caughtUp()
    expect(await readable(to)).toEqual(await readable(from))
    expect(await new Store(to).entry(['b', 1])).toMatchObject({ type: 'blob', meta: { name: 'b' } })
    expect(await partsIn(to)).toBe(1_100 + 1 + 7)
    await store.log(['l', 1]).appendMany(['a', 'b'])
    await store.log(['l', 3]).append('new')
    await store.log(['l', 2]).append('two')
    await store.blob(['b', 1]).write(bytes(CHUNK, 8))
    await store.blob(['b', 2]).write(bytes(0, 0))
    await one.caughtUp()
    expect(await readable(to)).toEqual(await readable(from))
    await store.delete(['l', 1])
    await store.log(['l', 1]).append('again')
    await store.delete(['b', 2])
    await store.set(['b', 1], 'value')
    await one.caughtUp()
    expect(await readable(to)).toEqual(await readable(from))
    expect((await readable(to)).get('["l",1]')).toEqual(['again'])
    // Whatever was left behind can be told from what stands. A sweep leaves to the stores above what they are just removing.
    await new Store(to).sweep({ orphanAgeMs: 0 })
    expect(await readable(to)).toEqual(await readable(from))
    await eventually('nothing is left of what was replaced', async () => (await partsIn(to)) === 1 + 2 + 1)
    await one.close()
    await end()
  })

  it('tells subscribers of the target of each element and each blob, once', async () => {
    const { from, to, end } = await open()
    const store = new Store(from)
    const told: unknown[] = []
    to.onCommit((commits) => {
      for (const { changes } of commits)
        for (const { key, op } of changes) if (partOf(key)?.kind === 'element') told.push([op, key.tuple.at(-1)])
    })
    await store.log('l').appendMany([1, 2, 3])
    const one = start(from, to)
    await one.caughtUp()
    await store.log('l').append(4)
    await one.caughtUp()
    await one.close()
    const two = start(from, to)
    await store.log('l').append(5)
    await two.caughtUp()
    expect(told).toHaveLength(5)
    expect(new Set(told.map(String)).size).toBe(5)
    expect(await Array.fromAsync(new Store(to).log('l'))).toEqual([1, 2, 3, 4, 5])
    await two.close()
    await end()
  })

  it('goes to other keys, of some keys only, and with other elements, where it is told to', async () => {
    const { from, to, end } = await open()
    const store = new Store(from)
    await store.log(['a', 1]).appendMany([1, 2])
    await store.log(['z', 1]).append(3)
    await store.blob(['a', 2]).write(bytes(10, 1))
    const one = start(from, to, {
      prefix: 'a',
      map: ([, id]) => ['copy', id!],
      mapValue: (value) => (value as number) * 10,
    })
    await one.caughtUp()
    await store.log(['a', 1]).append(4)
    await store.log(['z', 1]).append(5)
    await one.caughtUp()
    expect(await readable(to)).toEqual(
      new Map<string, unknown>([
        ['["copy",1]', [10, 20, 40]],
        ['["copy",2]', Buffer.from(bytes(10, 1)).toString('base64')],
      ]),
    )
    await one.close()
    await end()
  })
})

it('two syncs, one in each direction, keep logs and blobs alike, without an echo', async () => {
  const [a, b] = [createMemoryBack(), createMemoryBack()]
  const [inA, inB] = [new Store(a), new Store(b)]
  const there = start(a, b, { name: 'there', conflict: { policy: 'lastWriter' } })
  const back = start(b, a, { name: 'back', conflict: { policy: 'lastWriter' } })
  await inA.log('l').append('from a')
  await inA.blob('b').write(bytes(2 * CHUNK, 1))
  await there.caughtUp()
  await inB.log('l').append('from b')
  await inB.blob('c').write(bytes(2 * CHUNK, 2))
  for (let i = 0; i < 3; i++) {
    await there.caughtUp()
    await back.caughtUp()
  }
  const heads = [await a.log.head(), await b.log.head()]
  for (const store of [inA, inB]) {
    expect(new Set(await Array.fromAsync(store.log('l')))).toEqual(new Set(['from a', 'from b']))
    expect((await store.blob('b').bytes())![0]).toBe(1)
    expect((await store.blob('c').bytes())![0]).toBe(2)
  }
  await there.caughtUp()
  await back.caughtUp()
  expect([await a.log.head(), await b.log.head()]).toEqual(heads)
})

it('a blob that the source has replaced while it was copied is not there until the next one is', async () => {
  const [from, to] = [createMemoryBack(), createMemoryBack()]
  const store = new Store(from)
  await store.blob('b').write(bytes(12 * CHUNK, 1))
  let isFirst = true
  const source: SyncSource = {
    log: from.log,
    scan: async (range, options) => {
      const page = await from.scan(range, options)
      if (isFirst && page.entries.some(({ key }) => partOf(key) !== undefined)) {
        isFirst = false
        await store.blob('b').write(bytes(CHUNK, 2))
        await store.sweep({ orphanAgeMs: 0 })
      }
      return page
    },
  }
  const one = start(source, to)
  await one.caughtUp()
  expect(isFirst).toBe(false)
  expect(await new Store(to).blob('b').bytes()).toEqual(bytes(CHUNK, 2))
  await new Store(to).sweep({ orphanAgeMs: 0 })
  expect(await partsIn(to)).toBeLessThanOrEqual(1 + 12)
  expect(await new Store(to).blob('b').bytes()).toEqual(bytes(CHUNK, 2))
})

it('what is being copied is left alone by a sweep of the target, and by who deletes the key there', async () => {
  const [from, to] = [createMemoryBack(), createMemoryBack()]
  const target = new Store(to)
  await new Store(from).blob('b').write(bytes(12 * CHUNK, 1))
  await new Store(from).log('l').appendMany(Array.from({ length: 1_200 }, (_, i) => i))
  await target.set('b', 'mine')
  const source: SyncSource = {
    log: from.log,
    scan: async (range, options) => {
      if ((await partsIn(to)) > 0) {
        await target.set('other', 1)
        await target.delete('other')
        await target.sweep({ orphanAgeMs: 0 })
      }
      return from.scan(range, options)
    },
  }
  const one = start(source, to)
  await one.caughtUp()
  await target.sweep({ orphanAgeMs: 0 })
  expect((await target.blob('b').bytes())!.length).toBe(12 * CHUNK)
  expect(await target.log('l').length()).toBe(1_200)
})

it.each(['before it', 'and nobody hears of it'] as const)(
  'a commit that fails, whichever it is, %s, is made up for, and nothing is lost or there twice',
  async (when) => {
    const steps = Array.from({ length: 14 }, (_, i) => i)
    const outcomes = await Promise.all(
      steps.map(async (failing) => {
        const [from, to] = [createMemoryBack(), createMemoryBack()]
        const store = new Store(from)
        let commits = 0
        const commit = async (proposal: Proposal): ReturnType<Back['commit']> => {
          const fails = commits++ === failing
          if (fails && when === 'before it') throw new TidemarkError('IO', 'the disk is gone')
          const done = await to.commit(proposal)
          if (fails) throw new TidemarkError('IO', 'the disk is gone')
          return done
        }
        const { log, leases, marks, codec } = to
        const target = { log, leases, marks, codec, scan: to.scan.bind(to), read: to.read.bind(to), commit }
        await store.log('l').appendMany([1, 2, 3])
        await store.blob('b').write(bytes(9 * CHUNK, 1))
        const one = start(from, target)
        one.events$.subscribe(() => undefined)
        await store.log('l').append(4)
        await store.blob('c').write(bytes(6 * CHUNK, 2))
        await one.caughtUp()
        await store.log('l').append(5)
        await store.blob('b').write(bytes(3, 3))
        await one.caughtUp()
        expect(await readable(to)).toEqual(await readable(from))
        await one.close()
        return commits > failing
      }),
    )
    // The first ones did fail: there are as many commits.
    expect(outcomes.slice(0, 6)).toEqual(Array.from({ length: 6 }, () => true))
  },
)
