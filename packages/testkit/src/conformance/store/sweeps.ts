import { ALL_KEYS, type Back, type Commit, partOf, type Proposal, type Store } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { scanAll } from '../back/scans.ts'
import type { StartStore } from './store-suite.ts'
import { turnsDuring } from './turns.ts'

const HOUR = 3_600_000
const CHUNK = 256 * 1024

export function describeSweeps(start: StartStore): void {
  describe('a sweep', () => {
    it('deletes what is old and not kept, and says what that was', async () => {
      const { store, clock } = await start()
      await store.setMany(['a', 'b', 'c', 'd'].map((key) => [key, key] as const))
      await stored(store)
      clock.step(HOUR)
      await store.set('c', 'again')
      const before = new Date(clock.now() - HOUR / 2)
      expect(await store.sweep({ before, keep: ['b', 'nobody'] })).toEqual({ deleted: [['a'], ['d']], parts: 0 })
      expect(await Array.fromAsync(store.keys())).toEqual([['b'], ['c']])
      const keep = ({ value }: { readonly value: unknown }): boolean => value === 'again'
      expect(await store.sweep({ before: clock.now() + HOUR, keep })).toEqual({ deleted: [['b']], parts: 0 })
      expect(await store.get('c')).toBe('again')
    })

    it('deletes five keys in batches of two', async () => {
      const { store, back, clock } = await start()
      await store.setMany(Array.from({ length: 5 }, (_, i) => [['k', i], i] as const))
      await store.set(['other', 1], 1)
      await stored(store)
      const commits: Commit[] = []
      back.onCommit((told) => commits.push(...told))
      const { deleted } = await store.sweep({ before: clock.now() + 1, batch: 2, prefix: 'k' })
      expect(deleted).toEqual(Array.from({ length: 5 }, (_, i) => ['k', i]))
      expect(commits.map(({ changes }) => changes.length)).toEqual([2, 2, 1])
      expect(await Array.fromAsync(store.keys())).toEqual([['other', 1]])
    })

    it('deletes all that is old, however many pages that takes, and all that a log has left behind', async () => {
      const { store, back, clock } = await start()
      await store.setMany(Array.from({ length: 30 }, (_, i) => [['k', i], i] as const))
      await store.log('l').appendMany(Array.from({ length: 30 }, (_, i) => i))
      await stored(store)
      expect((await store.sweep({ before: clock.now() + HOUR })).deleted).toHaveLength(31)
      expect(await Array.fromAsync(store.keys())).toEqual([])
      expect(await partsIn(back)).toBe(0)
    })

    it('lets everyone else have their turn, also where it deletes nothing', async () => {
      const { store, clock } = await start()
      await store.setMany(Array.from({ length: 60 }, (_, i) => [i, i] as const))
      await stored(store)
      expect(await turnsDuring(() => store.sweep({ before: 1, batch: 3 }))).toBeGreaterThanOrEqual(15)
      const keepAll = { before: clock.now() + HOUR, batch: 3, keep: () => true }
      expect(await turnsDuring(() => store.sweep(keepAll))).toBeGreaterThanOrEqual(15)
    })

    it('of nothing deletes nothing, and given no time it deletes no entry', async () => {
      const { store, clock } = await start()
      expect(await store.sweep({ before: clock.now() })).toEqual({ deleted: [], parts: 0 })
      await store.set('a', 1)
      expect(await store.sweep()).toEqual({ deleted: [], parts: 0 })
      expect(await store.get('a')).toBe(1)
    })

    it('leaves alone what is written while it is under way', async () => {
      const { store, back, clock } = await start()
      await store.setMany(['a', 'b', 'c', 'd'].map((key) => [key, 'old'] as const))
      const scan = back.scan.bind(back)
      let isFirst = true
      // Between the look and the deletion.
      back.scan = async (range, options) => {
        const page = await scan(range, options)
        if (page.entries.length > 0 && isFirst) {
          isFirst = false
          await store.set('b', 'new')
          await store.delete('c')
          await store.set('c', 'anew')
        }
        return page
      }
      const { deleted } = await store.sweep({ before: clock.now() + HOUR })
      back.scan = scan
      expect(deleted).toEqual([['a'], ['d']])
      expect(await store.get('b')).toBe('new')
      expect(await store.get('c')).toBe('anew')
    })

    it('that was interrupted has deleted whole batches, and the next one deletes the rest', async () => {
      const { store, back, clock } = await start()
      await store.setMany(Array.from({ length: 5 }, (_, i) => [i, i] as const))
      await stored(store)
      const commit = back.commit.bind(back)
      let left = 2
      back.commit = (proposal: Proposal) => (left-- > 0 ? commit(proposal) : Promise.reject(new Error('crash')))
      await expect(store.sweep({ before: clock.now() + 1, batch: 2 })).rejects.toThrow('crash')
      back.commit = commit
      expect(await Array.fromAsync(store.keys())).toEqual([[4]])
      expect(await store.sweep({ before: clock.now() + 1, batch: 2 })).toEqual({ deleted: [[4]], parts: 0 })
    })

    it('says what each commit has deleted, also when it fails midway', async () => {
      const { store, back, clock } = await start()
      await store.setMany([1, 2, 4, 5].map((i) => [i, i] as const))
      await store.log(3).append('x')
      await stored(store)
      const told: unknown[] = []
      const commit = back.commit.bind(back)
      let left = 2
      back.commit = (proposal: Proposal) => (left-- > 0 ? commit(proposal) : Promise.reject(new Error('crash')))
      const options = { before: clock.now() + 1, batch: 3, onDeleted: (keys: readonly unknown[]) => told.push(keys) }
      await expect(store.sweep(options)).rejects.toThrow('crash')
      back.commit = commit
      expect(told).toEqual([[[1], [2]], [[3]]])
      const { deleted } = await store.sweep(options)
      expect(deleted).toEqual([[4], [5]])
      expect(told).toEqual([[[1], [2]], [[3]], deleted])
    })

    it('gives what it has deleted in key order, logs among them', async () => {
      const { store, clock } = await start()
      await store.setMany([1, 3, 5].map((i) => [i, i] as const))
      await store.log(2).append('x')
      await store.log(4).append('x')
      await stored(store)
      expect((await store.sweep({ before: clock.now() + HOUR })).deleted).toEqual([[1], [2], [3], [4], [5]])
    })

    it('ends with its signal after the commit under way, and rejects with the reason', async () => {
      const { store, clock } = await start()
      await store.setMany(Array.from({ length: 6 }, (_, i) => [i, i] as const))
      await stored(store)
      const stop = new AbortController()
      const told: unknown[] = []
      const reason = new Error('enough')
      const onDeleted = (keys: readonly unknown[]): void => {
        told.push(...keys)
        stop.abort(reason)
      }
      const options = { before: clock.now() + 1, batch: 2, onDeleted, signal: stop.signal }
      await expect(store.sweep(options)).rejects.toBe(reason)
      expect(told).toEqual([[0], [1]])
      expect(await Array.fromAsync(store.keys())).toEqual([[2], [3], [4], [5]])
      await expect(store.sweep(options)).rejects.toBe(reason)
      const asked = new AbortController()
      const keep = (): boolean => (asked.abort(reason), true)
      const looking = store.sweep({ before: clock.now() + 1, batch: 2, keep, signal: asked.signal })
      await expect(looking).rejects.toBe(reason)
      expect((await Array.fromAsync(store.keys())).length).toBe(4)
    })

    it('judges a log by its last append, and never loses one that comes meanwhile', async () => {
      const { store, back, clock } = await start()
      await store.log('old').append(1)
      await store.log('young').append(1)
      await store.log('appended').append(1)
      clock.step(2 * HOUR)
      const before = clock.now() - HOUR
      await store.log('young').append(2)
      const scanKeys = back.scanKeys.bind(back)
      back.scanKeys = async (range, options) => {
        const page = await scanKeys(range, options)
        const owner = page.keys[0] && partOf(page.keys[0].key)?.owner.id
        if (options.reverse && owner === 'appended') await store.log('appended').append(2)
        return page
      }
      const { deleted } = await store.sweep({ before })
      back.scanKeys = scanKeys
      expect(deleted).toEqual([['old']])
      expect(await Array.fromAsync(store.log('young'))).toEqual([1, 2])
      expect(await Array.fromAsync(store.log('appended'))).toEqual([1, 2])
      expect(await Array.fromAsync(store.log('old'))).toEqual([])
      // Those of the log that is gone went with it, young as they are.
      await store.log('soon gone').appendMany([1, 2])
      const rest = await partsIn(back)
      expect((await store.sweep({ before: clock.now() + HOUR, keep: ['young', 'appended'] })).deleted).toEqual([
        ['soon gone'],
      ])
      expect(await partsIn(back)).toBe(rest - 2)
    })

    it('removes what a log and a blob have left behind when the process that deleted them died', async () => {
      const { store, back, clock } = await start()
      await store.log('l').appendMany([1, 2, 3])
      await store.log('kept').append(1)
      await store.blob('b').write(new Uint8Array(2 * CHUNK))
      await store.blob('kept too').write(new Uint8Array(2 * CHUNK))
      // As if the process died before it could remove anything.
      const acquire = back.leases.acquire.bind(back.leases)
      back.leases.acquire = () => Promise.resolve({ lease: undefined, remainingMs: 1 })
      await store.deleteMany(['l', 'b'])
      expect(await store.sweep({ orphanAgeMs: 0 })).toEqual({ deleted: [], parts: 0 })
      back.leases.acquire = acquire
      expect(await partsIn(back)).toBe(3 + 1 + 2 + 2)
      expect(await store.sweep()).toEqual({ deleted: [], parts: 0 })
      clock.step(2 * HOUR)
      expect(await store.sweep({ prefix: 'l' })).toEqual({ deleted: [], parts: 3 })
      expect(await store.sweep()).toEqual({ deleted: [], parts: 2 })
      expect(await partsIn(back)).toBe(1 + 2)
      expect(await Array.fromAsync(store.log('kept'))).toEqual([1])
      expect((await store.blob('kept too').bytes())!.length).toBe(2 * CHUNK)
    })

    it('leaves a blob alone that is being written, however long that takes', async () => {
      const { store, back, clock } = await start()
      let swept: unknown
      const source = (async function* () {
        yield new Uint8Array(8 * CHUNK)
        expect(await partsIn(back)).toBe(8)
        swept = await store.sweep({ orphanAgeMs: 0, before: clock.now() + HOUR })
        yield new Uint8Array(CHUNK)
      })()
      await store.blob('b').write(source)
      expect(swept).toEqual({ deleted: [], parts: 0 })
      expect((await store.blob('b').bytes())!.length).toBe(9 * CHUNK)
    })

    it.each([0, 1, 8])(
      'takes away what a writer has left who stood still for too long, and is told so: %d chunks to go',
      async (rest) => {
        const { store, back, clock } = await start()
        const source = (async function* () {
          yield new Uint8Array(8 * CHUNK)
          // Its lease ends, and somebody else finds what it has left.
          clock.step(HOUR)
          expect(await store.sweep({ orphanAgeMs: 0 })).toEqual({ deleted: [], parts: 8 })
          yield new Uint8Array(rest * CHUNK)
        })()
        await store.set('b', 'value')
        let stored = 0
        back.onCommit((commits) => {
          for (const { op, key } of commits.flatMap(({ changes }) => changes)) {
            if (op === 'set' && partOf(key) !== undefined) stored += 1
          }
        })
        await expect(store.blob('b').write(source)).rejects.toMatchObject({ code: 'LEASE_LOST' })
        expect(stored).toBe(8)
        expect(await store.get('b', { consistency: 'linearizable' })).toBe('value')
        await store.sweep({ orphanAgeMs: 0 })
        expect(await partsIn(back)).toBe(0)
      },
    )

    it('does not take a promise for an answer', async () => {
      const { store, clock } = await start()
      await store.set('a', 1)
      const keep = (): boolean => Promise.resolve(false) as unknown as boolean
      await expect(store.sweep({ before: clock.now() + HOUR, keep })).rejects.toThrow(TypeError)
      expect(await store.has('a')).toBe(true)
    })

    it.each([
      [{ before: 'yesterday' }],
      [{ before: new Date(Number.NaN) }],
      [{ batch: 0 }],
      [{ batch: 1.5 }],
      [{ orphanAgeMs: -1 }],
      [{ kept: [] }],
      [{ signal: {} }],
      [{ onDeleted: 1 }],
      [{ before: 1, keep: [{}] }],
    ])('refuses %j', async (options) => {
      const { store } = await start()
      await expect(store.sweep(options as never)).rejects.toThrow(/option|before|key/)
    })
  })
}

/** What is buffered is dated when it is written: listings see to that. */
async function stored(store: Store): Promise<void> {
  await Array.fromAsync(store.keys())
}

async function partsIn(back: Back): Promise<number> {
  const entries = await scanAll(back, ALL_KEYS, 1_000, false)
  return entries.filter(({ key }) => partOf(key) !== undefined).length
}
