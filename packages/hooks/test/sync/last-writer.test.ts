import { copyFile } from 'node:fs/promises'
import { createMemoryBack, type MemoryBack, Store, StoreKey } from '@tidemark/core'
import { eventually, ShiftedClock } from '@tidemark/testkit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sync, type Sync, type SyncConflict, type SyncEvent, type SyncOptions } from '../../src/index.ts'
import { contentOf } from '../support/content.ts'
import { tempStore } from '../support/temp-store.ts'
import { commit, deleting, setting } from '../support/writing.ts'

const HOUR = 3_600_000
const lastWriter = { policy: 'lastWriter', maxDriftMs: 24 * HOUR } as const

interface Node {
  readonly back: MemoryBack
  readonly clock: ShiftedClock
}

function node(aheadMs: number): Node {
  const clock = new ShiftedClock()
  clock.step(aheadMs)
  return { back: createMemoryBack({ clock }), clock }
}

function link(from: Node, to: Node, name: string, options: Partial<SyncOptions> = {}): Sync {
  return sync(from.back, to.back, { name, conflict: lastWriter, clock: to.clock, batch: 3, ...options })
}

/** Until nothing moves any more. */
async function quiet(nodes: readonly Node[], syncs: readonly Sync[]): Promise<void> {
  for (let isMoving = true; isMoving;) {
    const heads = await Promise.all(nodes.map(({ back }) => back.log.head()))
    for (const each of syncs) await each.caughtUp()
    const now = await Promise.all(nodes.map(({ back }) => back.log.head()))
    isMoving = now.some((head, i) => head !== heads[i])
  }
}

async function assertSame(nodes: readonly Node[]): Promise<void> {
  const [first, ...others] = await Promise.all(nodes.map(({ back }) => contentOf(back)))
  for (const other of others) expect(other).toEqual(first)
}

type Step =
  | { readonly kind: 'set' | 'delete'; readonly node: number; readonly key: number; readonly value: number }
  | { readonly kind: 'settle' | 'turn' | 'restart' }
  | { readonly kind: 'step'; readonly node: number; readonly ms: number }

const stepOf = (nodes: number): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constantFrom('set' as const, 'delete' as const, 'set' as const),
        node: fc.nat(nodes - 1),
        key: fc.nat(3),
        value: fc.nat(1_000),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constantFrom('settle' as const, 'turn' as const, 'restart' as const) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('step' as const),
        node: fc.nat(nodes - 1),
        ms: fc.integer({ min: -HOUR, max: HOUR }),
      }),
    },
  )

/** Runs random writes in stores that are linked so, and looks whether they end up the same. */
async function converge(nodes: readonly Node[], links: readonly (readonly [number, number])[], steps: readonly Step[]) {
  const open = () => links.map(([from, to]) => link(nodes[from]!, nodes[to]!, `${from}-${to}`))
  let syncs = open()
  for (const step of steps) {
    if (step.kind === 'set') await commit(nodes[step.node]!.back, setting(['k', step.key], step.value))
    else if (step.kind === 'delete') await commit(nodes[step.node]!.back, deleting(['k', step.key]))
    else if (step.kind === 'step') nodes[step.node]!.clock.step(step.ms)
    else if (step.kind === 'turn') await new Promise(setImmediate)
    else if (step.kind === 'settle') await quiet(nodes, syncs)
    else {
      await Promise.all(syncs.map((each) => each.close()))
      syncs = open()
    }
  }
  await quiet(nodes, syncs)
  await assertSame(nodes)
  const heads = await Promise.all(nodes.map(({ back }) => back.log.head()))
  for (const each of syncs) expect(each.state).toMatchObject({ phase: 'following', error: undefined })
  await Promise.all(syncs.map((each) => each.close()))
  expect(await Promise.all(nodes.map(({ back }) => back.log.head()))).toEqual(heads)
}

describe('stores that all write', () => {
  it('two of them, an hour apart, end up the same, whatever they write', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stepOf(2), { minLength: 5, maxLength: 40 }), async (steps) => {
        await converge(
          [node(0), node(HOUR)],
          [
            [0, 1],
            [1, 0],
          ],
          steps,
        )
      }),
      { numRuns: 60 },
    )
  })

  it('so do three in a ring', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stepOf(3), { minLength: 5, maxLength: 30 }), async (steps) => {
        await converge(
          [node(0), node(HOUR), node(-HOUR)],
          [
            [0, 1],
            [1, 2],
            [2, 0],
          ],
          steps,
        )
      }),
      { numRuns: 40 },
    )
  })

  it('so do three where each is linked with each', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stepOf(3), { minLength: 5, maxLength: 30 }), async (steps) => {
        await converge(
          [node(0), node(HOUR), node(-HOUR)],
          [0, 1, 2].flatMap((from) => [0, 1, 2].filter((to) => to !== from).map((to) => [from, to] as const)),
          steps,
        )
      }),
      { numRuns: 30 },
    )
  })

  it('delete what came in where it was deleted later, before anything came in', async () => {
    const [one, two, three] = [node(0), node(0), node(-HOUR)]
    await commit(one.back, setting('k', 'first'))
    const out = link(one, two, 'one-two')
    await out.caughtUp()
    await commit(one.back, deleting('k'))
    await commit(three.back, setting('k', 'earlier'))
    // So far, nobody has to remember there what was deleted.
    const back = link(three, one, 'three-one')
    await back.caughtUp()
    const onward = link(two, three, 'two-three')
    await quiet([one, two, three], [out, onward, back])
    await assertSame([one, two, three])
    expect(await contentOf(one.back)).toEqual(new Map())
    for (const each of [out, onward, back]) await each.close()
  })
})

describe('the last writer', () => {
  async function pair(aheadMs = 0) {
    const [one, two] = [node(0), node(aheadMs)]
    const syncs = [link(one, two, 'there'), link(two, one, 'back')]
    const conflicts: (SyncConflict & { at: string })[] = []
    syncs[0]!.conflicts$.subscribe((conflict) => conflicts.push({ ...conflict, at: 'two' }))
    syncs[1]!.conflicts$.subscribe((conflict) => conflicts.push({ ...conflict, at: 'one' }))
    const settle = () => quiet([one, two], syncs)
    const end = () => Promise.all(syncs.map((each) => each.close()))
    return { one, two, settle, end, conflicts }
  }

  it('is the one who knew of the other, however wrong its clock', async () => {
    const { one, two, settle, end, conflicts } = await pair(HOUR)
    await commit(two.back, setting('k', 'from the future'))
    await settle()
    await commit(one.back, setting('k', 'later'))
    await settle()
    expect(two.back.readOne(StoreKey.of('k')).entry!.payload.decode()).toBe('later')
    await commit(one.back, deleting('k'))
    await settle()
    await assertSame([one, two])
    expect((await contentOf(one.back)).size).toBe(0)
    expect(conflicts).toEqual([])
    // Each change went over once, and none came back.
    expect([await one.back.log.head(), await two.back.log.head()]).toEqual([3, 3])
    await end()
  })

  it('of two who did not know of each other wins by the clock, and the loser is told in both', async () => {
    const { one, two, settle, end, conflicts } = await pair(HOUR)
    await commit(one.back, setting('k', 'early'))
    await commit(two.back, setting('k', 'late'))
    await settle()
    await assertSame([one, two])
    expect(one.back.readOne(StoreKey.of('k')).entry!.payload.decode()).toBe('late')
    const told = conflicts.map(({ at, winner, source, target }) => [at, winner, source.value, target.value])
    expect(told.toSorted(([one], [other]) => (String(one) < String(other) ? -1 : 1))).toEqual([
      ['one', 'source', 'late', 'early'],
      ['two', 'target', 'early', 'late'],
    ])
    await end()
  })

  it('a deletion is not undone by what was written before it, also after restarts and compaction', async () => {
    const [one, two, three] = [node(0), node(0), node(0)]
    await commit(one.back, setting('k', 1))
    const there = link(one, two, 'there')
    await there.caughtUp()
    await commit(two.back, deleting('k'))
    await commit(one.back, setting('other', 1))
    await there.caughtUp()
    await there.close()
    for (const { back } of [one, two]) await back.compaction.compact({ upTo: 100, limit: 100 })
    const syncs = [link(one, two, 'there'), link(one, three, 'a'), link(two, three, 'b'), link(two, one, 'back')]
    await commit(one.back, setting('other', 2))
    await quiet([one, two, three], syncs)
    await assertSame([one, two, three])
    expect([...(await contentOf(three.back)).keys()]).toEqual(['other'])
    await Promise.all(syncs.map((each) => each.close()))
  })

  it('what has expired is not followed by what was written before it', async () => {
    const [one, two] = [node(0), node(0)]
    const there = link(one, two, 'there')
    await there.caughtUp()
    await there.close()
    await commit(one.back, setting('k', 'early'))
    for (const { clock } of [one, two]) clock.step(1_000)
    await commit(two.back, setting('k', 'late', { expiresAt: two.clock.now() + 1_000 }))
    for (const { clock } of [one, two]) clock.step(2_000)
    await two.back.expire(10)
    const syncs = [link(one, two, 'there'), link(two, one, 'back')]
    await quiet([one, two], syncs)
    expect([(await contentOf(one.back)).size, (await contentOf(two.back)).size]).toEqual([0, 0])
    await Promise.all(syncs.map((each) => each.close()))
  })

  it('is not the one whose clock lets an earlier entry expire', async () => {
    const { one, two, settle, end } = await pair()
    await commit(one.back, setting('k', 'early', { expiresAt: one.clock.now() + 1_000 }))
    await settle()
    one.clock.step(2_000)
    await commit(two.back, setting('k', 'later'))
    await one.back.expire(10)
    await settle()
    await assertSame([one, two])
    expect(two.back.readOne(StoreKey.of('k')).entry!.payload.decode()).toBe('later')
    await end()
  })

  it('is not undone by a backup: a store that lost its writes gets them back from the others', async () => {
    for (const isDeclared of [true, false]) {
      await using left = await tempStore()
      await using right = await tempStore()
      let one = left.open()
      const two = right.open()
      const syncs = () => [
        sync(one, two, { name: 'there', conflict: lastWriter }),
        sync(two, one, { name: 'back', conflict: lastWriter }),
      ]
      const settle = async (all: readonly Sync[]): Promise<void> => {
        for (let round = 0; round < 4; round++) for (const each of all) await each.caughtUp()
      }
      let running = syncs()
      await commit(one, setting('a', 1), setting('b', 1), setting('c', 1))
      await settle(running)
      await Promise.all(running.map((each) => each.close()))
      await one.close()
      await copyFile(left.file, `${left.file}.backup`)
      one = left.open()
      running = syncs()
      await commit(one, setting('a', 2), deleting('b'), setting('d', 2))
      await commit(two, setting('e', 2))
      await settle(running)
      await Promise.all(running.map((each) => each.close()))
      await one.close()
      await copyFile(`${left.file}.backup`, left.file)
      one = left.open()
      if (isDeclared) await one.restored()
      await commit(one, setting('f', 3), setting('c', 3))
      running = syncs()
      for (const each of running) each.events$.subscribe()
      await settle(running)
      expect(await contentOf(one)).toEqual(await contentOf(two))
      const values = [...(await contentOf(one))].map(([id, entry]) => [id, (entry as { value: unknown }).value])
      expect(Object.fromEntries(values)).toEqual({ a: 2, c: 3, d: 2, e: 2, f: 3 })
      await Promise.all(running.map((each) => each.close()))
    }
  })

  it('may be a deletion that goes through a store which never held the key', async () => {
    const [one, two, three] = [node(0), node(0), node(0)]
    const back = link(two, one, 'back')
    const direct = link(one, three, 'direct')
    const onwards = link(two, three, 'onwards')
    await commit(one.back, setting('k', 1))
    for (const each of [back, direct, onwards]) await each.caughtUp()
    await direct.close()
    await commit(one.back, deleting('k'))
    await commit(two.back, setting('other', 1))
    await back.caughtUp()
    await one.back.compaction.compact({ upTo: 100, limit: 100 })
    const there = link(one, two, 'there')
    await there.caughtUp()
    await onwards.caughtUp()
    expect([...(await contentOf(three.back)).keys()]).toEqual(['other'])
    await Promise.all([back, onwards, there].map((each) => each.close()))
  })

  it('is refused when its clock is too far ahead, until time has passed', async () => {
    const [one, two] = [node(HOUR), node(0)]
    await commit(one.back, setting('k', 1))
    const there = link(one, two, 'there', { conflict: { policy: 'lastWriter', maxDriftMs: 60_000 } })
    const events: SyncEvent[] = []
    there.events$.subscribe((event) => events.push(event))
    await eventually('it is told', () => events.length > 0)
    expect(events[0]).toMatchObject({ kind: 'trouble', error: { code: 'CLOCK_DRIFT', retryable: true } })
    expect([await two.back.log.head(), there.state.phase]).toEqual([0, 'retrying'])
    two.clock.step(HOUR - 59_000)
    await there.caughtUp()
    expect([await two.back.log.head(), there.state.phase]).toEqual([1, 'following'])
    await there.close()
  })

  it('in SQLite, with several processes on one side', async () => {
    await using left = await tempStore()
    await using right = await tempStore()
    const [a1, a2, b] = [left.open(), left.open(), right.open()]
    const options = { conflict: lastWriter, batch: 5 }
    const syncs = [
      sync(a1, b, { ...options, name: 'there' }),
      sync(b, a1, { ...options, name: 'back' }),
      sync(a2, b, { ...options, name: 'there' }),
    ]
    const stores = [a1, a2, b].map((back) => new Store(back))
    await Promise.all(
      stores.map(async (store, i) => {
        for (let n = 0; n < 60; n++) {
          if (n % 7 === i) await store.delete(['k', n % 5])
          else await store.set(['k', n % 5], `${i}:${n}`)
        }
      }),
    )
    await syncs[2]!.caughtUp()
    for (let round = 0; round < 3; round++) for (const each of syncs) await each.caughtUp()
    expect(await contentOf(b)).toEqual(await contentOf(a1))
    await syncs[0]!.close()
    await new Store(a1).set('after', 1)
    await syncs[2]!.caughtUp()
    expect(await new Store(b).get('after')).toBe(1)
    await Promise.all(syncs.map((each) => each.close()))
  })
})
