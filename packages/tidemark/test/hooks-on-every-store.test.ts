import { type RedisServer, eventually, ShiftedClock, startRedis } from '@tidemark/testkit'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Change, open, type OpenOptions, type Tidemark, type WritePolicy } from 'tidemark'
import { tempFile } from './support/temp.ts'

// konserve's hooks were left out of its tiered stores, and its compliance test did not ask for them. Here every store that can
// be opened has the same ones, under every policy.

let server: RedisServer
beforeAll(async () => void (server = await startRedis()))
afterAll(() => server.close())

const STORES: Readonly<Record<string, () => OpenOptions>> = {
  memory: () => ({ near: false }),
  'near memory over memory': () => ({}),
  sqlite: () => ({ file: tempFile(), near: false }),
  'near memory over sqlite': () => ({ file: tempFile() }),
  'redis over sqlite': () => ({ file: tempFile(), near: false, redis: server.url }),
  'near memory and redis over sqlite': () => ({ file: tempFile(), redis: server.url }),
}
const POLICIES: readonly WritePolicy[] = ['write-through', 'write-around', 'write-behind']

const HOUR = 3_600_000

/** What a hook is told, without times, seqs and names. */
function told({ op, key, value, old, size, tag, path, meta, prevVersion }: Change): Record<string, unknown> {
  const all = { op, key, value, old, size, tag, path, meta, replaced: prevVersion > 0 }
  return Object.fromEntries(Object.entries(all).filter(([, each]) => each !== undefined))
}

describe.each(Object.keys(STORES))('%s', (name) => {
  test.each(POLICIES)(
    '8: a hook gets every write once, in order, with its payload, and nothing after removal (%s)',
    async (writePolicy) => {
      const clock = new ShiftedClock()
      const store = await open({ synchronous: 'normal', clock, sweepEveryMs: 5, writePolicy, ...STORES[name]!() })
      onTestFinished(() => store.close())
      const hooked: Change[] = []
      store.hooks.add('every write', (change) => void hooked.push(change))
      const withOld: Change[] = []
      store.hooks.add('with old values', (change) => void withOld.push(change), { old: true })
      await everyWrite(store, clock)
      await eventually('the end of an entry is told', () => hooked.at(-1)?.op === 'expire')
      await store.hooks.idle()
      expect(store.hooks.remove('every write') && store.hooks.remove('with old values')).toBe(true)
      await store.set('after', 1)
      await store.flush()
      await store.hooks.idle()

      expect(hooked.map(told)).toEqual([
        { op: 'set', key: ['a'], value: { n: 1 }, meta: 'why', replaced: false },
        { op: 'set', key: ['a'], value: { n: 2 }, meta: 'why', replaced: true },
        { op: 'set', key: ['a'], value: { n: 2, deep: true }, path: ['deep'], meta: 'why', replaced: true },
        { op: 'set', key: ['b'], value: { n: 1 }, path: ['n'], replaced: false },
        { op: 'set', key: ['c'], value: null, replaced: false },
        { op: 'set', key: ['d'], value: 2, meta: 'of d', replaced: false },
        { op: 'delete', key: ['c'], replaced: true },
        { op: 'set', key: ['e'], value: 1, replaced: false },
        { op: 'delete', key: ['d'], replaced: true },
        { op: 'append', key: ['log'], value: 'first', replaced: false },
        { op: 'append', key: ['log'], value: 'second', replaced: false },
        { op: 'blob', key: ['blob'], size: 5, replaced: false },
        { op: 'invalidate-tag', key: [], tag: 't', replaced: false },
        { op: 'set', key: ['g'], value: 'loaded', replaced: false },
        { op: 'delete', key: ['a'], replaced: true },
        { op: 'set', key: ['short'], value: 1, replaced: false },
        { op: 'expire', key: ['short'], replaced: true },
      ])
      const replaced = new Map<number, unknown>([
        [1, { n: 1 }],
        [2, { n: 2 }],
        [6, null],
        [8, 2],
        [14, { n: 2, deep: true }],
        [16, 1],
      ])
      expect(withOld.map(told)).toEqual(
        hooked.map((change, i) => ({ ...told(change), ...(replaced.has(i) && { old: replaced.get(i) }) })),
      )
      const seqs = hooked.map(({ seq }) => seq)
      expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
      // It is what the log holds, commit by commit.
      const logged: Change[] = []
      for await (const { changes } of store.changes({ from: 'start' })) {
        logged.push(...changes)
        if (logged.at(-1)!.seq > seqs.at(-1)!) break
      }
      const plain = (changes: readonly Change[]): unknown => JSON.parse(JSON.stringify(changes))
      expect(plain(hooked)).toEqual(plain(logged.filter(({ key }) => key[0] !== 'after')))
    },
  )
})

/** One of each, with reads and refused writes in between, of which nobody is told. */
async function everyWrite(store: Tidemark, clock: ShiftedClock): Promise<void> {
  await store.set('a', { n: 1 }, { meta: 'why' })
  await store.flush()
  await store.get('a')
  await store.update<{ n: number }>('a', (old) => ({ n: old!.n + 1 }))
  await store.setIn('a', ['deep'], true)
  await store.updateIn<number>('b', ['n'], (n = 0) => n + 1)
  await store.setMany([
    ['c', null],
    ['d', 2, { meta: 'of d' }],
  ])
  await store.deleteMany(['c', 'never there'])
  await store.transaction(async (tx) => {
    tx.set('e', (await tx.get('d')) === 2 ? 1 : 0)
    tx.delete('d')
  })
  await store.set('e', 2, { ifVersion: 0 }).catch(() => undefined)
  await store
    .update('e', () => {
      throw new Error('on purpose')
    })
    .catch(() => undefined)
  await store.getMany(['a', 'b', 'nothing'])
  await store.log('log').append('first')
  await store.log('log').append('second')
  await store.blob('blob').write(Uint8Array.of(1, 2, 3, 4, 5))
  await store.invalidateTag('t')
  await store.getOrSet('g', () => 'loaded')
  await store.delete('a')
  await store.delete('a')
  await store.set('short', 1, { ttlMs: HOUR })
  await store.flush()
  clock.step(HOUR)
}
