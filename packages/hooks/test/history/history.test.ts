import { type Back, createMemoryBack, Store } from '@tidemark/core'
import { ManualClock } from '@tidemark/testkit'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { type Change, history, type HistoryOptions, sharedLog, undo, valueAt } from '../../src/index.ts'
import { recordCommits } from '../support/follower.ts'
import { range, withLog } from '../support/reading.ts'
import { type TempStore, tempStore } from '../support/temp-store.ts'
import { commit, commitNumbers, deleting, setting } from '../support/writing.ts'

const files: TempStore[] = []
afterEach(async () => {
  await Promise.all(files.splice(0).map((store) => store[Symbol.asyncDispose]()))
})

const clock = new ManualClock()

async function open(tier: string): Promise<Back> {
  if (tier === 'memory') return createMemoryBack({ clock })
  const store = await tempStore()
  files.push(store)
  return store.open({ clock })
}

async function all(back: Pick<Back, 'log'>, key: string, options?: HistoryOptions): Promise<Change[]> {
  const found: Change[] = []
  for await (const change of history(back.log, key, options)) found.push(change)
  return found
}

describe.each(['memory', 'sqlite'])('over %s', (tier) => {
  it('history tells what happened to a key, newest first, over all its lives', async () => {
    const back = await open(tier)
    const store = new Store(back, { clock })
    await store.set('a', 1)
    await store.set('b', 1)
    await store.set('a', 2, { meta: { by: 'me' } })
    await store.delete('a')
    await commitNumbers(back, 200)
    await store.set('a', 3)
    const found = await all(back, 'a')
    expect(found.map(({ seq, op, value }) => [seq, op, value])).toEqual([
      [205, 'set', 3],
      [4, 'delete', undefined],
      [3, 'set', 2],
      [1, 'set', 1],
    ])
    expect(found[2]!.meta).toEqual({ by: 'me' })
    expect((await all(back, 'a', { limit: 2 })).map(({ seq }) => seq)).toEqual([205, 4])
    expect((await all(back, 'a', { before: 4 })).map(({ seq }) => seq)).toEqual([3, 1])
    expect(await all(back, 'never')).toEqual([])
  })

  it('history goes on over any number of pages', async () => {
    const back = await open(tier)
    await commit(back, ...range(1, 250).map((n) => setting('a', n)))
    expect((await all(back, 'a')).map(({ value }) => value)).toEqual(range(1, 250).toReversed())
    expect(await all(back, 'a', { limit: 150 })).toHaveLength(150)
  })

  it('valueAt gives what was there at any position', async () => {
    const back = await open(tier)
    const store = new Store(back, { clock })
    const rows = recordCommits(back)
    await store.set('a', { n: 1 })
    await store.setMany([
      ['a', { n: 2 }],
      ['b', 1],
      ['a', { n: 3 }],
    ])
    await store.delete('a')
    await store.getOrSet('a', () => undefined, { negativeTtlMs: 100 })
    await store.set('a', null)
    await store.set('b', 2)
    const at = (version: number): Promise<unknown> => valueAt(back.log, back, 'a', version)
    expect(await Promise.all(range(0, rows.length).map(at))).toEqual([
      undefined,
      { n: 1 },
      { n: 2 },
      { n: 2 },
      { n: 3 },
      undefined,
      undefined,
      null,
      null,
    ])
    expect(Object.isFrozen(await at(2))).toBe(true)
    expect(await valueAt(sharedLog(back.log), back, 'a', 2)).toEqual({ n: 2 })
    await expect(at(rows.length + 1)).rejects.toMatchObject({ code: 'LOG_AHEAD' })
    await expect(at(-1)).rejects.toThrow(RangeError)
  })

  it('undo sets a key back to what it was, as a new write', async () => {
    const back = await open(tier)
    const store = new Store(back, { clock })
    await store.set('a', 1, { meta: 'first', ttlMs: 60_000, tags: ['t'] })
    const before = await store.entry('a')
    const { version } = await store.set('a', 2)
    const undone = await undo(back, version, { clock })
    expect(undone).toEqual({ version: 3, changed: true })
    expect(await store.entry('a')).toMatchObject({ value: 1, meta: 'first', version: 3, expiresAt: before!.expiresAt })
    // Undoing the undo, and the first write.
    await undo(back, 3, { clock })
    expect(await store.get('a')).toBe(2)
    await store.set('b', 1)
    await undo(back, 5, { clock })
    expect(await store.has('b')).toBe(false)
    await store.invalidateTag('t')
    expect(await store.get('a')).toBe(2)
  })

  it('undo brings back what was deleted', async () => {
    const back = await open(tier)
    const store = new Store(back, { clock })
    await store.set('a', { n: 1 })
    await store.delete('a')
    expect(await undo(back, 2, { clock })).toEqual({ version: 3, changed: true })
    expect(await store.get('a')).toEqual({ n: 1 })
    await expect(undo(back, 2, { clock })).rejects.toMatchObject({
      code: 'CONFLICT',
      expectedVersion: 2,
      currentVersion: 3,
    })
    // It left nothing that would keep anybody from loading the key.
    await store.delete('a')
    await store.set('a', 2)
    await store.delete('a')
    await expect(undo(back, 2, { clock })).rejects.toMatchObject({ code: 'CONFLICT', currentVersion: 0 })
    expect(await store.getOrSet('a', () => 'loaded')).toBe('loaded')
  })

  it('undo refuses when the key was changed since, and changes nothing then', async () => {
    const back = await open(tier)
    const store = new Store(back, { clock })
    await store.set('a', 1)
    await store.set('a', 2)
    await store.set('a', 3)
    await expect(undo(back, 2, { clock })).rejects.toMatchObject({ code: 'CONFLICT', currentVersion: 3 })
    await store.delete('a')
    await expect(undo(back, 3, { clock })).rejects.toMatchObject({ code: 'CONFLICT', currentVersion: 0 })
    expect(await back.log.head()).toBe(4)
  })

  it('undo does not overwrite what is written between its look and its commit', async () => {
    const back = await open(tier)
    await commit(back, setting('a', 1))
    await commit(back, deleting('a'))
    let isFirst = true
    const log = withLog(back.log, {
      changesOf: async (...args) => {
        const found = await back.log.changesOf(...args)
        if (isFirst) {
          isFirst = false
          await commit(back, setting('a', 2))
          await commit(back, deleting('a'))
        }
        return found
      },
    })
    const racing = { log, commit: back.commit.bind(back), leases: back.leases }
    await expect(undo(racing, 2, { clock })).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(await back.log.head()).toBe(4)
  })

  it('undo of a deletion waits for nobody who loads the key', async () => {
    const back = await open(tier)
    await commit(back, setting('a', 1))
    const { changes } = await commit(back, deleting('a'))
    const { lease } = await back.leases.acquire(changes[0]!.key, 10_000)
    await expect(undo(back, 2, { clock })).rejects.toMatchObject({ code: 'BUSY', retryable: true })
    await back.leases.release(lease!)
    expect(await undo(back, 2, { clock })).toMatchObject({ changed: true })
  })

  it('undo does not bring back what has expired or was invalidated since', async () => {
    const back = await open(tier)
    const store = new Store(back, { clock })
    await store.set('expired', 1, { ttlMs: 10 })
    await store.set('tagged', 1, { tags: ['t'] })
    await store.delete('expired')
    await store.set('tagged', 2)
    await store.invalidateTag('t')
    clock.advance(20)
    expect(await undo(back, 3, { clock })).toEqual({ version: 5, changed: false })
    expect(await undo(back, 4, { clock })).toEqual({ version: 6, changed: true })
    expect(await store.has('tagged')).toBe(false)
    await expect(undo(back, 5, { clock })).rejects.toThrow(TypeError)
  })

  it('undo says what does not exist', async () => {
    const back = await open(tier)
    await expect(undo(back, 1, { clock })).rejects.toThrow(/no change 1/)
    await expect(undo(back, 0, { clock })).rejects.toThrow(RangeError)
    await expect(undo(back, 1, { clok: clock } as never)).rejects.toThrow(TypeError)
  })
})

describe('where the log was compacted', () => {
  it('history ends with a change that replaced something', async () => {
    const back = createMemoryBack({ maxLogChanges: 3 })
    for (let n = 1; n <= 5; n++) await commit(back, setting('a', n))
    const found = await all(back, 'a')
    expect(found.map(({ seq, prevVersion }) => [seq, prevVersion])).toEqual([
      [5, 4],
      [4, 3],
      [3, 2],
    ])
  })

  it('undo is a typed error', async () => {
    const back = createMemoryBack({ maxLogChanges: 2 })
    for (let n = 1; n <= 4; n++) await commit(back, setting('a', n))
    await expect(undo(back, 1)).rejects.toMatchObject({ code: 'LOG_COMPACTED', floor: 2 })
    await commit(back, setting('b', 1))
    await expect(undo(back, 4)).rejects.toMatchObject({ code: 'LOG_COMPACTED', after: 2, floor: 3 })
  })

  it('valueAt gives the right value or a typed error, wherever the floor is', async () => {
    const write = fc.record({ key: fc.constantFrom('a', 'b'), del: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(
        fc.array(write, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 20 }),
        async (writes, maxLogChanges) => {
          const back = createMemoryBack({ maxLogChanges })
          const rows = recordCommits(back)
          for (const [i, { key, del }] of writes.entries()) await commit(back, del ? deleting(key) : setting(key, i))
          const floor = await back.log.floor()
          for (const version of range(0, rows.length)) {
            const truth = rows
              .slice(0, version)
              .findLast(({ key }) => key.id === 'a')
              ?.payload?.read()
            try {
              expect(await valueAt(back.log, back, 'a', version)).toBe(truth)
            } catch (error) {
              expect(error).toMatchObject({ code: 'LOG_COMPACTED', floor })
              expect(version).toBeGreaterThan(0)
              // Only where it is really gone: the last write before it lies below the floor.
              const last = rows.slice(0, version).findLastIndex(({ key }) => key.id === 'a') + 1
              expect(last).toBeLessThanOrEqual(floor)
            }
          }
        },
      ),
    )
  })
})

describe('history', () => {
  it('can be stopped in the middle of a search', async () => {
    const back = createMemoryBack()
    const log = withLog(back.log, {
      changesOf: (_, { signal }) =>
        new Promise((_resolve, reject) => signal!.addEventListener('abort', () => reject(signal!.reason as Error))),
    })
    const stop = new AbortController()
    const found = (async () => {
      for await (const change of history(log, 'a', { signal: stop.signal })) return change
      return 'ended'
    })()
    stop.abort()
    expect(await found).toBe('ended')
  })

  it.each<[string, object]>([
    ['limit', { limit: 0 }],
    ['before', { before: 0 }],
    ['signal', { signal: 1 }],
    ['last', { last: 1 }],
  ])('a wrong %s is refused at once', (name, options) => {
    expect(() => history(createMemoryBack().log, 'a', options)).toThrow(name)
  })
})
