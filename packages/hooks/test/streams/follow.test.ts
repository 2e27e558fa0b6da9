import { type Back, createMemoryBack, type Log, Store } from '@tidemark/core'
import { ManualClock, shortPages } from '@tidemark/testkit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  changes,
  decodeToken,
  follow,
  type FollowOptions,
  type FollowStep,
  sharedLog,
  type SnapshotSource,
} from '../../src/index.ts'
import { Follower, recordCommits, stateAfter } from '../support/follower.ts'
import { range, withLog } from '../support/reading.ts'
import { tempStore } from '../support/temp-store.ts'
import { commit, commitNumbers, deleting, setting } from '../support/writing.ts'

function iterate(source: SnapshotSource, options: FollowOptions = {}): AsyncIterator<FollowStep, undefined> {
  return follow(source, options)[Symbol.asyncIterator]()
}

/** Steps up to the first of this kind. */
async function until(kind: FollowStep['kind'], stream: AsyncIterator<FollowStep>): Promise<FollowStep[]> {
  const steps: FollowStep[] = []
  for (;;) {
    const { value, done } = await stream.next()
    if (done) throw new Error('the stream ended')
    steps.push(value)
    if (value.kind === kind) return steps
  }
}

/** Calls `task` before and after every call that the stream makes, and `atEnd` while it waits for the log to grow. */
function disturbed(back: Back, task: () => Promise<unknown>, atEnd = task): SnapshotSource {
  const around = async <R>(call: () => Promise<R>): Promise<R> => {
    await task()
    const result = await call()
    await task()
    return result
  }
  const log = withLog(back.log, {
    read: (options) => around(() => back.log.read(options)),
    head: () => around(() => back.log.head()),
    wait: async (after, signal) => {
      while ((await back.log.head()) <= after) await atEnd()
      await back.log.wait(after, signal)
    },
  })
  Object.defineProperty(log, 'identity', { get: () => back.log.identity })
  return {
    scan: (...args) => around(() => back.scan(...args)),
    read: (...args) => around(() => back.read(...args)),
    log,
  }
}

describe('follow', () => {
  it('shows everything, says when it has, and goes on with changes', async () => {
    const back = createMemoryBack()
    const store = new Store(back)
    await store.set(['user', 1], { name: 'Ada' }, { meta: { by: 'test' }, ttlMs: 60_000 })
    await store.set(['user', 2], 'gone')
    await store.delete(['user', 2])
    await store.set('other', 1)
    const stream = iterate(back, { prefix: ['user'] })
    const [snapshot, ready] = await until('ready', stream)
    expect(snapshot).toMatchObject({
      kind: 'snapshot',
      asOf: 4,
      entries: [{ key: ['user', 1], value: { name: 'Ada' }, version: 1, meta: { by: 'test' }, tags: [] }],
    })
    const [entry] = snapshot?.kind === 'snapshot' ? snapshot.entries : []
    expect(Object.isFrozen(entry!.value)).toBe(true)
    expect(entry!.expiresAt).toBeInstanceOf(Date)
    expect(ready).toMatchObject({ kind: 'ready', head: 4 })
    await store.set('other', 2)
    await store.set(['user', 3], 3)
    expect((await stream.next()).value).toMatchObject({ kind: 'changes', changes: [{ seq: 6, key: ['user', 3] }] })
    await stream.return!()
  })

  it('goes on after a page that ends early', async () => {
    const back = shortPages(createMemoryBack())
    await commitNumbers(back, 7)
    const stream = iterate(back)
    const shown = (await until('ready', stream)).flatMap((step) => (step.kind === 'snapshot' ? step.entries : []))
    expect(shown.map(({ value }) => value)).toEqual(range(1, 7))
    await stream.return!()
  })

  it('of an empty store is ready at once', async () => {
    const stream = iterate(createMemoryBack())
    expect(await until('ready', stream)).toMatchObject([{ kind: 'ready', head: 0 }])
    await stream.return!()
  })

  it('shows what happens meanwhile to what it has shown, and nothing of it twice', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 4)
    const stream = iterate(back, { batch: 2 })
    expect((await stream.next()).value).toMatchObject({
      kind: 'snapshot',
      entries: [{ key: ['n', 1] }, { key: ['n', 2] }],
    })
    // One shown key, one that is still to come, and a new one on each side.
    await commit(back, deleting(['n', 1]), setting(['n', 3], 'new'))
    await commit(back, setting(['a'], 1), setting(['z'], 1))
    const steps = await until('ready', stream)
    expect(
      steps.map((step) =>
        (step.kind === 'snapshot' ? step.entries : step.kind === 'catch-up' ? step.changes : []).map(({ key }) => key),
      ),
    ).toEqual([
      [['n', 1]],
      [['a']],
      [
        ['n', 3],
        ['n', 4],
      ],
      [['z']],
      [],
    ])
    const { token } = steps.at(-1) as { token: string }
    expect(decodeToken(token).seq).toBe(8)
    await stream.return!()
  })

  it('resumes from its tokens without a snapshot', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 2)
    const first = iterate(back)
    const ready = (await until('ready', first)).at(-1) as { token: string }
    await first.return!()
    await commitNumbers(back, 2, 3)
    const second = iterate(back, { after: ready.token })
    const step = (await second.next()).value!
    expect(step).toMatchObject({ kind: 'changes', changes: [{ seq: 3 }, { seq: 4 }] })
    await second.return!()
  })

  it('hides what readers do not see: expired, stale and invalidated entries, and remembered absences', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock })
    const store = new Store(back, { clock, random: () => 0 })
    await store.set('expired', 1, { ttlMs: 10 })
    await store.set('tagged', 1, { tags: ['t', 'u'] })
    await store.getOrSet('stale', () => 1, { ttlMs: 10, graceMs: 100_000 })
    await store.getOrSet('absent', () => undefined, { negativeTtlMs: 100_000 })
    await store.set('seen', 1, { tags: ['u'] })
    await store.invalidateTag('t')
    clock.advance(20)
    const stream = iterate(back, { clock, prefix: [] })
    const [snapshot] = await until('ready', stream)
    expect(snapshot).toMatchObject({ entries: [{ key: ['seen'], tags: ['u'] }] })
    await store.getOrSet('stale', () => 2, { ttlMs: 10, graceMs: 100_000, tags: ['v'] })
    await store.invalidateTag('u')
    const next = (await stream.next()).value!
    expect(next).toMatchObject({
      changes: [
        { op: 'set', expiresAt: clock.now() + 10, tags: ['v'] },
        { op: 'invalidate-tag', tag: 'u' },
      ],
    })
    await stream.return!()
  })

  it('tells of invalidations also where only a prefix is followed', async () => {
    const back = createMemoryBack()
    const store = new Store(back)
    const stream = iterate(back, { prefix: 'a' })
    await until('ready', stream)
    await store.set('b', 1, { tags: ['t'] })
    await store.invalidateTag('t')
    expect((await stream.next()).value).toMatchObject({ changes: [{ op: 'invalidate-tag', tag: 't' }] })
    await stream.return!()
  })

  it('ends with a typed error when the store is restored in the middle', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 4)
    const scanning = iterate(back, { batch: 2 })
    const following = iterate(back)
    await scanning.next()
    await until('ready', following)
    await commitNumbers(back, 1, 5)
    await back.restored()
    await expect(until('ready', scanning)).rejects.toMatchObject({ code: 'LOG_EPOCH_CHANGED' })
    await expect(following.next()).rejects.toMatchObject({ code: 'LOG_EPOCH_CHANGED' })
  })

  it('does not wait for the rest when it is stopped', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 4)
    const stream = iterate(back, { batch: 1 })
    await stream.next()
    const pending = stream.next()
    await stream.return!()
    expect((await pending).done).toBe(true)
  })

  it.each<[string, object]>([
    ['ops', { ops: ['set'] }],
    ['from', { from: 'now' }],
    ['onCompacted', { onCompacted: 'latest' }],
    ['batch', { batch: 0 }],
    ['clock', { clock: {} }],
  ])('a wrong %s is refused at once', (name, options) => {
    expect(() => follow(createMemoryBack(), options)).toThrow(name)
  })
})

describe('follow and compaction', () => {
  it('starts again, and says so, when the log lost what lies between two pages', async () => {
    const back = createMemoryBack({ maxLogChanges: 3 })
    const rows = recordCommits(back)
    await commitNumbers(back, 4)
    const stream = iterate(back, { batch: 2 })
    const follower = new Follower()
    follower.apply((await stream.next()).value!)
    await commit(back, deleting(['n', 1]))
    await commitNumbers(back, 6, 3)
    for (const step of await until('ready', stream)) follower.apply(step)
    expect(follower.restarts).toBe(1)
    expect(follower.state).toEqual(stateAfter(rows, follower.position!))
    await stream.return!()
  })

  it('starts again for a token that is too old, and for who fell behind later', async () => {
    const back = createMemoryBack({ maxLogChanges: 3 })
    const rows = recordCommits(back)
    await commitNumbers(back, 2)
    const first = iterate(back)
    const { token } = (await until('ready', first)).at(-1) as { token: string }
    await commitNumbers(back, 9, 3)
    const resumed = iterate(back, { after: token })
    for (const stream of [first, resumed]) {
      const steps = await until('ready', stream)
      expect(steps[0]).toMatchObject({ kind: 'restart', reason: { code: 'LOG_COMPACTED', after: 2, floor: 8 } })
      const follower = new Follower()
      steps.forEach((step) => follower.apply(step))
      expect(follower.state).toEqual(stateAfter(rows, 11))
      await stream.return!()
    }
    const strict = iterate(back, { after: token, onCompacted: 'error' })
    await expect(strict.next()).rejects.toMatchObject({ code: 'LOG_COMPACTED', after: 2 })
  })

  it('does not start again for ever', async () => {
    const back = createMemoryBack({ maxLogChanges: 1 })
    await commitNumbers(back, 4)
    const stream = iterate(
      disturbed(back, () => commitNumbers(back, 3)),
      { batch: 1 },
    )
    let restarts = 0
    const run = async (): Promise<void> => {
      for (;;) if ((await stream.next()).value?.kind === 'restart') restarts++
    }
    await expect(run()).rejects.toMatchObject({ code: 'LOG_COMPACTED' })
    expect(restarts).toBe(16)
  })
})

describe('changes with onCompacted', () => {
  it('latest goes on with what is new, and says what it left out', async () => {
    const back = createMemoryBack({ maxLogChanges: 3 })
    await commitNumbers(back, 2)
    const stream = changes(back.log, { from: 'start', onCompacted: 'latest' })[Symbol.asyncIterator]()
    expect((await stream.next()).value).toMatchObject({ changes: [{ seq: 1 }, { seq: 2 }] })
    await commitNumbers(back, 8, 3)
    const gap = (await stream.next()).value!
    expect(gap).toMatchObject({ kind: 'changes', changes: [], head: 10, skipped: { after: 2, to: 10 } })
    await commitNumbers(back, 1, 11)
    const next = (await stream.next()).value!
    expect(next).toMatchObject({ changes: [{ seq: 11 }] })
    expect(next.skipped).toBeUndefined()
    await stream.return!()
    const anew = changes(back.log, { from: 'start', onCompacted: 'latest' })[Symbol.asyncIterator]()
    expect((await anew.next()).value).toMatchObject({ changes: [], skipped: { after: 0, to: 11 } })
    const resumed = changes(back.log, { after: gap.token })[Symbol.asyncIterator]()
    expect((await resumed.next()).value).toMatchObject({ changes: [{ seq: 11 }] })
    await Promise.all([anew.return!(), resumed.return!()])
  })

  it('snapshot shows one, and goes on', async () => {
    const back = createMemoryBack({ maxLogChanges: 3 })
    const rows = recordCommits(back)
    await commitNumbers(back, 6)
    const stream = changes(back.log, { from: 'start', onCompacted: 'snapshot', back })[Symbol.asyncIterator]()
    const follower = new Follower()
    const steps = await until('ready', stream)
    expect(steps[0]!.kind).toBe('restart')
    steps.forEach((step) => follower.apply(step))
    expect(follower.state).toEqual(stateAfter(rows, 6))
    await commitNumbers(back, 1, 7)
    expect((await stream.next()).value).toMatchObject({ kind: 'changes', changes: [{ seq: 7 }] })
    await stream.return!()
  })

  it('nothing but compaction is answered with a policy: other dead tokens stay errors', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 2)
    const { token } = (await until('ready', iterate(back))).at(-1) as { token: string }
    await back.restored()
    await expect(iterate(back, { after: token }).next()).rejects.toMatchObject({ code: 'LOG_EPOCH_CHANGED' })
    await expect(iterate(createMemoryBack(), { after: token }).next()).rejects.toMatchObject({ code: 'TOKEN_FOREIGN' })
    await expect(iterate(back, { after: 'x' }).next()).rejects.toMatchObject({ code: 'TOKEN_INVALID' })
  })

  it('snapshot needs to know what to take it of', () => {
    const back = createMemoryBack()
    expect(() => changes(back.log, { onCompacted: 'snapshot' } as never)).toThrow(/back/)
    expect(() => changes(back.log, { back } as never)).toThrow(/back/)
    expect(() => changes(back.log, { onCompacted: 'ignore' } as never)).toThrow(/onCompacted/)
  })
})

/** What a writer does in one go. */
const key = fc.integer({ min: 0, max: 11 }).map((n) => ['k', n])
const tags = fc.subarray(['s', 't'])
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
  const wide = withLog(log, { read: (options) => log.read({ ...options, limit: options.limit + 7 }) })
  Object.defineProperty(wide, 'identity', { get: () => log.identity })
  return wide
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
