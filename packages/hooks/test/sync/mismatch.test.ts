import { type Back, createMemoryBack, Payload } from '@tidemark/core'
import { afterEach, describe, expect, it } from 'vitest'
import { dropSync, sync, type Sync, type SyncEvent, type SyncOptions } from '../../src/index.ts'
import { checkpointKey } from '../../src/sync/sync-keys.ts'
import { contentOf } from '../support/content.ts'
import { tempStore } from '../support/temp-store.ts'
import { codec, commit, commitNumbers, setting } from '../support/writing.ts'

const running: Sync[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.close()))
})

function start(from: Back, to: Back, options: Partial<SyncOptions> = {}) {
  const one = sync(from, to, { name: 's', ...options })
  running.push(one)
  const events: SyncEvent[] = []
  one.events$.subscribe((event) => events.push(event))
  return { sync: one, events }
}

/** Runs it until it has caught up, and ends it. */
async function runOnce(from: Back, to: Back, options: Partial<SyncOptions> = {}): Promise<void> {
  const { sync: one, events } = start(from, to, options)
  await one.caughtUp()
  await one.close()
  expect(events).toEqual([])
}

/** It ends by itself, at once, and nothing has happened. */
async function expectRefused(from: Back, to: Back, options: Partial<SyncOptions>, message: RegExp): Promise<void> {
  const [before, head] = [await contentOf(to), await to.log.head()]
  const { sync: one, events } = start(from, to, options)
  const reason = { code: 'SYNC_MISMATCH', retryable: false, message: expect.stringMatching(message) }
  await expect(one.caughtUp()).rejects.toMatchObject(reason)
  expect(one.state).toMatchObject({ phase: 'failed', error: reason })
  expect(events).toMatchObject([{ kind: 'failed', error: reason }])
  expect([await contentOf(to), await to.log.head()]).toEqual([before, head])
}

describe('the name of a sync from another source', () => {
  it.each([
    ['version', 'snapshot'],
    ['version', 'error'],
    ['lastWriter', 'snapshot'],
    ['lastWriter', 'error'],
  ] as const)('is refused, and what was copied stays (%s, %s)', async (policy, onCompacted) => {
    const [first, second, to] = [createMemoryBack(), createMemoryBack(), createMemoryBack()]
    const options = { conflict: { policy }, onCompacted } as const
    await commitNumbers(first, 5)
    await commit(second, setting('other', 1))
    await runOnce(first, to, options)
    await expectRefused(second, to, options, /log .*another name/)
    await runOnce(second, to, { ...options, name: 'other' })
    await runOnce(first, to, options)
    expect((await contentOf(to)).size).toBe(6)
  })

  it('is refused while the first one is in its snapshot, and while it works', async () => {
    const [first, second, to] = [createMemoryBack(), createMemoryBack(), createMemoryBack()]
    await commitNumbers(first, 20)
    const held = Promise.withResolvers<void>()
    let pages = 0
    const slow = {
      log: first.log,
      scan: async (...args: Parameters<Back['scan']>) => {
        if (++pages === 2) await held.promise
        return first.scan(...args)
      },
    }
    const one = sync(slow, to, { name: 's', batch: 10 })
    running.push(one)
    while (pages < 2) await new Promise(setImmediate)
    await expectRefused(second, to, {}, /log .*another name/)
    held.resolve()
    await one.caughtUp()
    await expectRefused(second, to, {}, /log .*another name/)
    expect(await contentOf(to)).toEqual(await contentOf(first))
  })
})

describe('the name of a sync with other options', () => {
  const filter = () => true
  const map = (key: readonly unknown[]) => key as never
  it.each([
    { was: { prefix: ['n'] }, is: {}, what: /prefix/ },
    { was: {}, is: { prefix: ['n'] }, what: /prefix/ },
    { was: { prefix: ['n'] }, is: { prefix: ['m'] }, what: /prefix/ },
    { was: { filter }, is: {}, what: /filter/ },
    { was: {}, is: { map }, what: / map/ },
    { was: {}, is: { mapValue: (value: unknown) => value, prefix: ['n'] }, what: /prefix and mapValue/ },
    { was: {}, is: { conflict: { policy: 'lastWriter' } }, what: /conflict\.policy.*dropSync/ },
    { was: { conflict: { policy: 'lastWriter' } }, is: {}, what: /conflict\.policy/ },
    {
      was: { conflict: { policy: 'lastWriter' } },
      is: { conflict: { policy: 'custom', resolve: () => 'source' } },
      what: /policy/,
    },
  ] satisfies { was: Partial<SyncOptions>; is: Partial<SyncOptions>; what: RegExp }[])(
    'is refused: $was, and then $is',
    async ({ was, is, what }) => {
      const [from, to] = [createMemoryBack(), createMemoryBack()]
      await commitNumbers(from, 3)
      await runOnce(from, to, was)
      await expectRefused(from, to, is, what)
      await commitNumbers(from, 3, 5)
      await runOnce(from, to, was)
    },
  )

  it('is refused in another process too, and after the place in the log was lost', async () => {
    await using source = await tempStore()
    await using target = await tempStore()
    const [from, to] = [source.open(), target.open()]
    await commitNumbers(from, 5)
    await runOnce(from, to, { prefix: ['n'] })
    await commitNumbers(from, 5)
    await from.compaction.compact({ upTo: 7, limit: 100 })
    const again = start(from, to, { prefix: ['n'] })
    await again.sync.caughtUp()
    await again.sync.close()
    expect(again.events).toMatchObject([{ kind: 'restart' }])
    await to.close()
    await expectRefused(from, target.open(), {}, /prefix/)
  })

  it('is taken over from a checkpoint of a release that did not note them, and kept from then on', async () => {
    const [from, to] = [createMemoryBack(), createMemoryBack()]
    await commitNumbers(from, 3)
    await runOnce(from, to, { prefix: ['n'] })
    const key = checkpointKey('s')
    const { scope, ...older } = (await to.marks.read([key]))[0]!.decode() as Record<string, unknown>
    expect(scope).toBeDefined()
    await to.marks.write([{ key, value: Payload.encode(codec, older) }], {})
    await runOnce(from, to, { prefix: ['n'] })
    await expectRefused(from, to, {}, /prefix/)
  })

  it('is noted with its policy over a checkpoint that lacks only that', async () => {
    const [from, to] = [createMemoryBack(), createMemoryBack()]
    await commitNumbers(from, 3)
    await runOnce(from, to)
    const key = checkpointKey('s')
    const older = (await to.marks.read([key]))[0]!.decode() as { scope: { policy?: string } }
    expect(older.scope.policy).toBe('version')
    delete older.scope.policy
    await to.marks.write([{ key, value: Payload.encode(codec, older) }], {})
    await runOnce(from, to)
    await expectRefused(from, to, { conflict: { policy: 'lastWriter' } }, /policy/)
  })

  it('goes on where only who wins has changed, or a function decides from now on', async () => {
    const [from, to] = [createMemoryBack(), createMemoryBack()]
    await commitNumbers(from, 3)
    await runOnce(from, to)
    await runOnce(from, to, { conflict: { policy: 'version', winner: 'target' } })
    await runOnce(from, to, { conflict: { policy: 'custom', resolve: () => 'target' } })
  })

  it('can be had once the earlier sync was dropped', async () => {
    const [from, to] = [createMemoryBack(), createMemoryBack()]
    await commitNumbers(from, 3)
    await runOnce(from, to)
    expect(await dropSync(to, 's')).toBe(true)
    await runOnce(from, to, { conflict: { policy: 'lastWriter' } })
    expect(await contentOf(to)).toEqual(await contentOf(from))
  })
})

describe('a sync of a store with itself', () => {
  it('is misuse, also through another handle of its log', async () => {
    const memory = createMemoryBack()
    expect(() => sync(memory, memory, { name: 's' })).toThrow(TypeError)
    await using file = await tempStore()
    const [one, two] = [file.open(), file.open()]
    expect(() => sync(one, two, { name: 's' })).toThrow(/two stores/)
  })
})
