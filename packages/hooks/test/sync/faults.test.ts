import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Back, createMemoryBack, type Log, type Proposal, Store, StoreKey, TidemarkError } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { sync, type Sync, type SyncEvent, type SyncOptions, type SyncSource, type SyncTarget } from '../../src/index.ts'
import { contentOf } from '../support/content.ts'
import { withLog } from '../support/reading.ts'
import { tempStore } from '../support/temp-store.ts'
import { commit, commitNumbers, deleting, setting } from '../support/writing.ts'

const running: Sync[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.close()))
})

function start(from: SyncSource, to: SyncTarget, options: Partial<SyncOptions> = {}) {
  const one = sync(from, to, { name: 's', ...options })
  running.push(one)
  const events: SyncEvent[] = []
  one.events$.subscribe((event) => events.push(event))
  return { sync: one, events }
}

const idsOf = async (back: Back): Promise<string[]> => [...(await contentOf(back)).keys()]

/** The target, with another commit. */
function withCommit(to: Back, commitTo: (proposal: Proposal) => ReturnType<Back['commit']>): SyncTarget {
  const { log, leases, marks, codec } = to
  return { log, leases, marks, codec, scan: to.scan.bind(to), read: to.read.bind(to), commit: commitTo }
}

describe('a source that is written to', () => {
  const step = fc.record({
    kind: fc.constantFrom('pair' as const, 'delete' as const, 'single' as const, 'none' as const),
    key: fc.nat(12),
    value: fc.nat(1_000),
  })

  it.each(['version', 'lastWriter'] as const)(
    'while it is copied: the target ends up the same (%s), and never holds a part of a commit',
    async (policy) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { maxLength: 20 }),
          fc.array(step, { maxLength: 40 }),
          fc.integer({ min: 1, max: 5 }),
          fc.boolean(),
          async (before, meanwhile, batch, compacts) => {
            const [from, to] = [createMemoryBack(), createMemoryBack()]
            const write = async ({ kind, key, value }: (typeof before)[number]): Promise<void> => {
              if (kind === 'pair') await commit(from, setting(['l', key], value), setting(['r', key], value))
              else if (kind === 'delete') await commit(from, deleting(['l', key]), deleting(['r', key]))
              else if (kind === 'single') await commit(from, setting(['s', key], value))
            }
            for (const each of before) await write(each)
            const todo = [...meanwhile]
            let writing: Promise<unknown> = Promise.resolve()
            const writeNext = () => (writing = writing.then(() => (todo.length > 0 ? write(todo.shift()!) : undefined)))
            const around = async <R>(call: () => Promise<R>): Promise<R> => {
              await writeNext()
              const result = await call()
              await writeNext()
              if (compacts && todo.length % 5 === 4) await from.compaction.compact({ upTo: 1_000, limit: 3 })
              return result
            }
            const log: Log = withLog(from.log, { read: (options) => around(() => from.log.read(options)) })
            const { sync: one, events } = start({ log, scan: (...args) => around(() => from.scan(...args)) }, to, {
              batch,
              conflict: { policy },
            })
            const torn: unknown[] = []
            to.onCommit(() => {
              if (one.state.phase !== 'following') return
              for (let key = 0; key <= 12; key++) {
                const [l, r] = ['l', 'r'].map((side) => to.readOne(StoreKey.of([side, key])).entry?.payload.decode())
                if (l !== r) torn.push([key, l, r])
              }
            })
            await one.caughtUp()
            while (todo.length > 0) await writeNext()
            await writing
            await one.caughtUp()
            expect(await contentOf(to)).toEqual(await contentOf(from))
            expect(torn).toEqual([])
            expect(events.filter(({ kind }) => kind !== 'restart')).toEqual([])
            await one.close()
          },
        ),
        { numRuns: 60 },
      )
    },
  )
})

describe('a place in the log that is gone', () => {
  it('because the source was compacted: what it no longer has goes, of what came from there', async () => {
    for (const policy of ['version', 'lastWriter'] as const) {
      const [from, to] = [createMemoryBack(), createMemoryBack()]
      await commitNumbers(from, 5)
      const first = start(from, to, { conflict: { policy }, map: ([, n]) => ['copy', n!] }).sync
      await first.caughtUp()
      await first.close()
      await commit(to, setting('local', 1), setting(['copy', 'local'], 1))
      await commit(from, deleting(['n', 2]), setting(['n', 3], 'new'), setting(['n', 9], 9))
      await commit(from, setting(['n', 10], 10))
      await from.compaction.compact({ upTo: 8, limit: 100 })
      const { sync: one, events } = start(from, to, { conflict: { policy }, map: ([, n]) => ['copy', n!], batch: 2 })
      await one.caughtUp()
      expect(events).toMatchObject([{ kind: 'restart', error: { code: 'LOG_COMPACTED' } }])
      const ids = await idsOf(to)
      expect(ids).toHaveLength(8)
      expect(new Set(ids)).toEqual(
        new Set(['local', 'local', '1', '3', '4', '5', '9', '10'].map((id, i) => (i === 0 ? id : `copy:${id}`))),
      )
      await one.close()
      const again = start(from, to, { conflict: { policy }, map: ([, n]) => ['copy', n!] }).sync
      const head = await to.log.head()
      await again.caughtUp()
      expect(await to.log.head()).toBe(head)
    }
  })

  it('ends the sync where it was told to', async () => {
    const [from, to] = [createMemoryBack(), createMemoryBack()]
    await commitNumbers(from, 5)
    const first = start(from, to).sync
    await first.caughtUp()
    await first.close()
    await commitNumbers(from, 5)
    await from.compaction.compact({ upTo: 7, limit: 100 })
    const { sync: one, events } = start(from, to, { onCompacted: 'error' })
    await expect(one.caughtUp()).rejects.toMatchObject({ code: 'LOG_COMPACTED', floor: 7 })
    expect(one.state).toMatchObject({ phase: 'failed', error: { code: 'LOG_COMPACTED' } })
    expect(events).toMatchObject([{ kind: 'failed' }])
    await expect(one.caughtUp()).rejects.toMatchObject({ code: 'LOG_COMPACTED' })
  })

  it('because the source was restored, declared or not, also while it is followed', async () => {
    for (const [isDeclared, policy] of [
      [true, 'version'],
      [false, 'version'],
      [true, 'lastWriter'],
      [false, 'lastWriter'],
    ] as const) {
      await using source = await tempStore()
      await using target = await tempStore()
      const to = target.open()
      let from = source.open()
      await commitNumbers(from, 5)
      await from.close()
      await copyFile(source.file, `${source.file}.backup`)
      from = source.open()
      await commitNumbers(from, 5, 10)
      const first = start(from, to, { conflict: { policy } }).sync
      await first.caughtUp()
      await first.close()
      expect(await to.count({ start: new Uint8Array(), end: undefined })).toBe(10)
      await from.close()
      await copyFile(`${source.file}.backup`, source.file)
      from = source.open()
      if (isDeclared) await from.restored()
      await commitNumbers(from, 7, 100)
      const second = start(from, to, { conflict: { policy } })
      await second.sync.caughtUp()
      expect(await contentOf(to)).toEqual(await contentOf(from))
      expect(second.events).toMatchObject([
        { kind: 'restart', error: { code: isDeclared ? 'LOG_EPOCH_CHANGED' : 'LOG_DIVERGED' } },
      ])
      await from.restored()
      await commit(from, setting('after', 1))
      await eventually('it has begun anew', () => second.events.length === 2)
      await second.sync.caughtUp()
      expect(await contentOf(to)).toEqual(await contentOf(from))
      await second.sync.close()
    }
  })
})

describe('a target that fails', () => {
  it('for a while: nothing is lost, and nothing written twice, also when a commit was made that seemed to fail', async () => {
    const [from, to] = [createMemoryBack(), createMemoryBack()]
    await commitNumbers(from, 20)
    let calls = 0
    const flaky = withCommit(to, async (proposal) => {
      const call = ++calls % 4
      if (call === 1) throw new TidemarkError('DISK_FULL', 'full', { retryable: true })
      const done = await to.commit(proposal)
      if (call === 3) throw new TidemarkError('IO', 'who knows')
      return done
    })
    const { sync: one, events } = start(from, flaky, { batch: 3 })
    await one.caughtUp()
    await commitNumbers(from, 20, 15)
    await one.caughtUp()
    expect(await contentOf(to)).toEqual(await contentOf(from))
    const { changes } = await to.log.read({ after: 0, limit: 1_000 })
    expect(changes.map(({ source }) => source!.seq)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
    expect(new Set(events.map(({ kind, error }) => `${kind} ${(error as TidemarkError).code}`))).toEqual(
      new Set(['trouble DISK_FULL', 'trouble IO']),
    )
    expect(one.state).toMatchObject({ phase: 'following', error: undefined })
  })

  it('for good: the sync says so and ends', async () => {
    await using target = await tempStore()
    await target.open().close()
    const readOnly = target.open({ readOnly: true, mode: 'open' })
    const from = createMemoryBack()
    await commitNumbers(from, 1)
    const { sync: one } = start(from, readOnly)
    await expect(one.caughtUp()).rejects.toMatchObject({ code: 'READ_ONLY' })
    const to = createMemoryBack()
    const { sync: other, events } = start(from, to)
    await other.caughtUp()
    await to.close()
    await commitNumbers(from, 1)
    await eventually('it is told', () => events.length > 0)
    expect(events).toMatchObject([{ kind: 'failed', error: { code: 'CLOSED' } }])
    await expect(other.caughtUp()).rejects.toMatchObject({ code: 'CLOSED' })
    await other.close()
  })

  it('a source that can only be read is enough', async () => {
    await using source = await tempStore()
    const writer = source.open()
    await commitNumbers(writer, 30)
    const reader = source.open({ readOnly: true, mode: 'open' })
    const to = createMemoryBack()
    const { sync: one } = start(reader, to, { batch: 7 })
    await one.caughtUp()
    await commitNumbers(writer, 30, 20)
    await one.caughtUp()
    expect(await contentOf(to)).toEqual(await contentOf(writer))
    await one.close()
  })
})

describe('several syncs', () => {
  it('in both directions, of different keys: what came over does not come back', async () => {
    const [one, two] = [createMemoryBack(), createMemoryBack()]
    const there = start(one, two, { name: 'there' }).sync
    const back = start(two, one, { name: 'back' }).sync
    for (let n = 0; n < 10; n++) {
      await commit(one, setting(['a', n], n))
      await commit(two, setting(['b', n], n))
    }
    for (let round = 0; round < 3; round++) for (const each of [there, back]) await each.caughtUp()
    expect(await contentOf(one)).toEqual(await contentOf(two))
    expect([await one.log.head(), await two.log.head()]).toEqual([20, 20])
  })

  it('in a ring that a change enters from outside: it goes round once', async () => {
    const [origin, one, two] = [createMemoryBack(), createMemoryBack(), createMemoryBack()]
    const syncs = [
      start(origin, one, { name: 'in' }),
      start(one, two, { name: 'there' }),
      start(two, one, { name: 'back' }),
    ]
    const store = new Store(origin)
    for (let n = 0; n < 20; n++) await store.set('k', n)
    for (let round = 0; round < 4; round++) for (const { sync: each } of syncs) await each.caughtUp()
    const heads = [await one.log.head(), await two.log.head()]
    for (let round = 0; round < 4; round++) for (const { sync: each } of syncs) await each.caughtUp()
    expect([await one.log.head(), await two.log.head()]).toEqual(heads)
    expect([await new Store(one).get('k'), await new Store(two).get('k')]).toEqual([19, 19])
    expect(heads[0]).toBeLessThanOrEqual(20)
  })
})

/** Runs the syncer until it dies, by itself or when its output says so. */
async function runToDeath(files: readonly string[], how: string, dieAt: number, until: (line: string) => boolean) {
  const program = fileURLToPath(new URL('../programs/syncer.ts', import.meta.url))
  const child = spawn(process.execPath, [program, ...files, how, String(dieAt)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => void (until(line) && child.kill('SIGKILL')))
  const [[, signal]] = await Promise.all([once(child, 'exit'), once(lines, 'close')])
  return signal as string | null
}

it('a sync that is killed anywhere goes on where its checkpoint says: each change once', async () => {
  await using source = await tempStore()
  await using target = await tempStore()
  const [from, to] = [source.open(), target.open()]
  await commitNumbers(from, 60)
  const files = [source.file, target.file]
  const never = (): boolean => false
  expect(await runToDeath(files, 'before', 2, never)).toBe('SIGKILL')
  expect(await to.log.head()).toBe(10)
  expect(await runToDeath(files, 'after', 2, never)).toBe('SIGKILL')
  expect(await to.log.head()).toBe(30)
  await runToDeath(files, 'never', 0, (line) => line.startsWith('following'))
  for (let n = 0; n < 40; n++) await commit(from, setting(['n', 61 + n], n), deleting(['n', n + 1]))
  expect(await runToDeath(files, 'after', 2, never)).toBe('SIGKILL')
  expect(await runToDeath(files, 'before', 3, never)).toBe('SIGKILL')
  const head = await from.log.head()
  await runToDeath(files, 'never', 0, (line) => line === `following ${head}`)
  expect(await contentOf(to)).toEqual(await contentOf(from))
  const { changes } = await to.log.read({ after: 0, limit: 10_000 })
  expect(changes.map((change) => change.source!.seq)).toEqual(Array.from({ length: head }, (_, i) => i + 1))
}, 60_000)
