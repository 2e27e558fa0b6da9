import { type Back, createMemoryBack, type Log, Store } from '@tidemark/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sharedLog, type SnapshotSource } from '../../src/index.ts'
import { Follower, recordCommits, stateAfter } from '../support/follower.ts'
import { disturbed, iterate, until } from '../support/following.ts'
import { range, withLog } from '../support/reading.ts'
import { tempStore } from '../support/temp-store.ts'

const key = fc.integer({ min: 0, max: 11 }).map((n) => ['k', n])
const tags = fc.subarray(['s', 't'])
/** What a writer does in one go. */
const write = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('set' as const), key, tags }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('setMany' as const), keys: fc.array(key, { minLength: 2, maxLength: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('invalidate' as const), tag: fc.constantFrom('s', 't') }) },
)

type GeneratedWrite = typeof write extends fc.Arbitrary<infer W> ? W : never

async function perform(store: Store, each: GeneratedWrite, value: number): Promise<void> {
  if (each.do === 'set') await store.set(each.key, value, { tags: each.tags })
  else if (each.do === 'delete') await store.delete(each.key)
  else if (each.do === 'setMany') await store.setMany(each.keys.map((k) => [k, value]))
  else await store.invalidateTag(each.tag)
}

const scenario = fc.record({
  before: fc.array(write, { maxLength: 20 }),
  /** Writes around each call to the store, the next one each time. */
  during: fc.array(fc.array(write, { maxLength: 3 }), { maxLength: 40 }),
  batch: fc.integer({ min: 1, max: 5 }),
  maxLogChanges: fc.constantFrom(8, 20, 1000),
  shared: fc.boolean(),
  prefix: fc.constantFrom<readonly (string | number)[]>([], ['k'], ['k', 3]),
})

/** A log whose pages go on for as long as there is something. */
function generous(log: Log): Log {
  return withLog(log, { read: (options) => log.read({ ...options, limit: options.limit + 7 }) })
}

describe('a follower', () => {
  it.each([{ generousLog: false }, { generousLog: true }])(
    'holds what the store holds, whatever is written between any two calls (pages longer than asked for: $generousLog)',
    async ({ generousLog }) => {
      await fc.assert(
        fc.asyncProperty(scenario, async ({ before, during, batch, maxLogChanges, shared, prefix }) => {
          const back = createMemoryBack({ maxLogChanges })
          const store = new Store(back)
          const rows = recordCommits(back)
          let value = 0
          for (const each of before) await perform(store, each, value++)
          const queue = [...during]
          const next = async (): Promise<void> => {
            for (const each of queue.shift() ?? []) await perform(store, each, value++)
          }
          const last: GeneratedWrite = { do: 'set', key: ['k', 3], tags: [] }
          const source = disturbed(back, next, () => (queue.length > 0 ? next() : perform(store, last, value++)))
          const log = generousLog ? generous(source.log) : source.log
          const stream = iterate({ ...source, log: shared ? sharedLog(log) : log }, { batch, prefix, bookmarks: true })
          const follower = new Follower()
          const id = prefix.join(':')
          for (;;) {
            follower.apply((await stream.next()).value!)
            if (follower.position === undefined) continue
            const expected = new Map([...stateAfter(rows, follower.position)].filter(([each]) => inPrefix(each, id)))
            // An entry whose tag is about to be invalidated may be hidden before the invalidation is told, and only such.
            const hidden = [...expected].filter(([each]) => !follower.state.has(each))
            expect(hidden.filter(([, { tags: its }]) => its.length === 0)).toEqual([])
            if (follower.position === rows.length) expect(hidden).toEqual([])
            for (const [each] of hidden) expected.delete(each)
            expect(follower.state).toEqual(expected)
            if (queue.length === 0 && follower.position === rows.length) break
          }
          await stream.return!()
        }),
        { numRuns: 300 },
      )
    },
  )
})

function inPrefix(id: string, prefix: string): boolean {
  return prefix === '' || id === prefix || id.startsWith(`${prefix}:`)
}

describe('follow over SQLite', () => {
  it('holds what the store holds while another connection writes', async () => {
    await using files = await tempStore()
    const [here, there] = [files.open(), files.open()]
    const store = new Store(there)
    for (const n of range(1, 300)) await store.set(['k', n], n, { tags: n % 3 === 0 ? ['t'] : [] })
    let stopped = false
    const writing = (async () => {
      for (let n = 0; !stopped; n++) {
        await store.setMany([
          [['k', (n * 7) % 400], n],
          [['k', (n * 11) % 400], n],
        ])
        if (n % 5 === 0) await store.delete(['k', (n * 13) % 400])
        if (n === 30) await store.invalidateTag('t')
      }
    })()
    const follower = new Follower()
    const stream = iterate({ ...bound(here), log: sharedLog(here.log) }, { batch: 7, bookmarks: true })
    for (const step of await until('ready', stream)) follower.apply(step)
    for (let i = 0; i < 20; i++) follower.apply((await stream.next()).value!)
    stopped = true
    await writing
    const head = await here.log.head()
    while (follower.position! < head) follower.apply((await stream.next()).value!)
    await stream.return!()
    const expected = new Map<string, unknown>()
    for await (const {
      key: [, n],
      version,
      value,
    } of store.entries())
      expected.set(`k:${String(n)}`, { version, value })
    const actual = new Map([...follower.state].map(([id, { version, value }]) => [id, { version, value }]))
    expect(actual).toEqual(expected)
  })
})

function bound(back: Back): SnapshotSource {
  return { scan: back.scan.bind(back), read: back.read.bind(back), log: back.log }
}
