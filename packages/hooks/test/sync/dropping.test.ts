import { ALL_KEYS, type Back, createMemoryBack, type StoreKey } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { afterEach, describe, expect, it } from 'vitest'
import { dropSync, sync, type Sync, type SyncOptions, syncPositions } from '../../src/index.ts'
import { checkpointKey } from '../../src/sync/sync-keys.ts'
import { contentOf } from '../support/content.ts'
import { tempStore } from '../support/temp-store.ts'
import { commit, commitNumbers, deleting, setting } from '../support/writing.ts'

const LAST_WRITER = { conflict: { policy: 'lastWriter' } } as const

const running: Sync[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.close()))
})

function start(from: Back, to: Back, options: Partial<SyncOptions> = {}): Sync {
  const one = sync(from, to, { name: 's', ...options })
  one.events$.subscribe(() => undefined)
  running.push(one)
  return one
}

async function runOnce(from: Back, to: Back, options: Partial<SyncOptions> = {}): Promise<void> {
  const one = start(from, to, options)
  await one.caughtUp()
  await one.close()
}

async function marksOf(to: Back): Promise<readonly StoreKey[]> {
  return (await to.marks.scan(ALL_KEYS, { after: undefined, limit: 1_000 })).map(({ key }) => key)
}

async function ended(one: Sync): Promise<void> {
  await new Promise<void>((resolve) => void one.state$.subscribe({ complete: resolve }))
}

describe('dropping a sync', () => {
  it.each([{}, LAST_WRITER])('leaves what it has copied, and nothing else of it (%j)', async (options) => {
    const [from, to] = [createMemoryBack(), createMemoryBack()]
    await commitNumbers(from, 5)
    await runOnce(from, to, options)
    await commit(to, deleting(['n', 1]), deleting(['n', 2]))
    await commit(from, deleting(['n', 3]))
    await runOnce(from, to, options)
    const before = await contentOf(to)
    expect(await marksOf(to)).not.toEqual([])
    expect(await dropSync(to, 's')).toBe(true)
    expect(await marksOf(to)).toEqual([])
    expect(await to.leases.remaining([checkpointKey('s')])).toEqual([0])
    expect(await contentOf(to)).toEqual(before)
    expect(await dropSync(to, 's')).toBe(false)
  })

  it('leaves other syncs as they are, and the stamps that they share', async () => {
    const [one, two, to] = [createMemoryBack(), createMemoryBack(), createMemoryBack()]
    await commitNumbers(one, 3)
    await commitNumbers(two, 3, 11)
    await runOnce(one, to, { name: 'one', ...LAST_WRITER })
    await runOnce(two, to, { name: 'two', ...LAST_WRITER })
    const before = await marksOf(to)
    await dropSync(to, 'one')
    expect(await marksOf(to)).toEqual(before.filter(({ id }) => id !== checkpointKey('one').id))
    await commit(two, deleting(['n', 11]))
    await runOnce(two, to, { name: 'two', ...LAST_WRITER })
    expect((await contentOf(to)).size).toBe(5)
    await dropSync(to, 'two')
    expect(await marksOf(to)).toEqual([])
  })

  it('ends it where it works and where it stands by, and both say so', async () => {
    await using target = await tempStore()
    const from = createMemoryBack()
    await commitNumbers(from, 3)
    const [here, there, elsewhere] = [target.open(), target.open(), target.open()]
    const working = start(from, here)
    await working.caughtUp()
    const standing = start(from, there)
    await standing.caughtUp()
    expect([working.state.phase, standing.state.phase]).toEqual(['following', 'standby'])
    expect(await dropSync(elsewhere, 's')).toBe(true)
    await commit(from, setting('late', 1))
    await Promise.all([ended(working), ended(standing)])
    for (const each of [working, standing]) {
      expect(each.state).toMatchObject({ phase: 'failed', error: { code: 'SYNC_DROPPED', retryable: false } })
      await expect(each.caughtUp()).rejects.toMatchObject({ code: 'SYNC_DROPPED' })
    }
    expect(await marksOf(elsewhere)).toEqual([])
    expect((await contentOf(elsewhere)).size).toBe(3)
    await runOnce(from, elsewhere)
    expect(await contentOf(elsewhere)).toEqual(await contentOf(from))
  })

  it('ends it also where another one of the name is begun at once, which goes on', async () => {
    await using target = await tempStore()
    const from = createMemoryBack()
    await commitNumbers(from, 3)
    const [here, there, elsewhere] = [target.open(), target.open(), target.open()]
    const working = start(from, here)
    await working.caughtUp()
    const standing = start(from, there)
    await standing.caughtUp()
    await dropSync(elsewhere, 's')
    const next = start(from, elsewhere)
    await next.caughtUp()
    await commit(from, setting('late', 1))
    await Promise.all([ended(working), ended(standing)])
    for (const each of [working, standing]) expect(each.state).toMatchObject({ error: { code: 'SYNC_DROPPED' } })
    await next.caughtUp()
    expect(next.state.phase).toBe('following')
    expect(await contentOf(elsewhere)).toEqual(await contentOf(from))
  })

  it('that another process has taken over, and copied anew, is still the same', async () => {
    await using target = await tempStore()
    const from = createMemoryBack()
    await commitNumbers(from, 3)
    const first = start(from, target.open())
    await first.caughtUp()
    const [second, third] = [start(from, target.open()), start(from, target.open())]
    await Promise.all([second.caughtUp(), third.caughtUp()])
    await first.close()
    await from.restored()
    await commit(from, setting('anew', 1))
    await Promise.all([second.caughtUp(), third.caughtUp()])
    await eventually('one of them works', () => [second, third].some(({ state }) => state.phase === 'following'))
    await commit(from, setting('next', 1))
    await Promise.all([second.caughtUp(), third.caughtUp()])
    expect(new Set([second.state.phase, third.state.phase])).toEqual(new Set(['following', 'standby']))
  })

  it('in the middle of a snapshot commits no more of it', async () => {
    const [from, to] = [createMemoryBack(), createMemoryBack()]
    await commitNumbers(from, 30)
    const held = Promise.withResolvers<void>()
    let pages = 0
    const slow = {
      log: from.log,
      marks: from.marks,
      codec: from.codec,
      scan: async (...args: Parameters<Back['scan']>) => {
        if (++pages === 2) await held.promise
        return from.scan(...args)
      },
    }
    const one = sync(slow, to, { name: 's', batch: 10 })
    one.events$.subscribe(() => undefined)
    running.push(one)
    while (pages < 2) await new Promise(setImmediate)
    expect(await syncPositions(to)).toMatchObject([{ name: 's', phase: 'snapshot' }])
    await dropSync(to, 's')
    held.resolve()
    await ended(one)
    expect(one.state.error).toMatchObject({ code: 'SYNC_DROPPED' })
    expect((await contentOf(to)).size).toBe(10)
    expect(await marksOf(to)).toEqual([])
  })
})

describe('the list of syncs', () => {
  it('tells of each where it stands, also of those that nobody runs', async () => {
    const [one, two, to] = [createMemoryBack(), createMemoryBack(), createMemoryBack()]
    expect(await syncPositions(to)).toEqual([])
    await commitNumbers(one, 3)
    await commitNumbers(two, 4)
    await runOnce(two, to, { name: 'b', prefix: ['none'], ...LAST_WRITER })
    await runOnce(one, to, { name: 'a' })
    expect(await syncPositions(to)).toEqual([
      { name: 'a', source: one.log.identity.id, position: 3, phase: 'following', policy: 'version' },
      { name: 'b', source: two.log.identity.id, position: 4, phase: 'following', policy: 'lastWriter' },
    ])
    expect(await syncPositions(one)).toEqual([])
  })
})
