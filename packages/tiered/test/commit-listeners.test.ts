import type { Commit } from '@tidemark/core'
import { createTiered } from '../src/index.ts'
import { startRedis } from '@tidemark/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { heldIn, Fleet, keyOf, useRedis, serving } from './support/fleet.ts'
import { WallClock } from './support/wall-clock.ts'

const redis = useRedis()

test('listeners hear of a commit when the fronts have it, and before its writer', async () => {
  const a = await new Fleet(redis.server).open({ near: true })
  const order: string[] = []
  a.tiers.onCommit((commits) => {
    for (const { changes, tiers } of commits) {
      order.push(`heard ${changes[0]!.seq} ${tiers.map(({ outcome }) => outcome).join()}`)
    }
  })
  const apply = a.front.hold('apply')
  const writing = a.store.set('k', 1).then(({ version }) => order.push(`wrote ${version}`))
  await apply.arrived()
  expect(order).toEqual([])
  apply.release()
  await writing
  expect(order).toEqual(['heard 1 applied', 'wrote 1'])
})

test('commits are told and acknowledged in the order of the log, whatever the fronts take', async () => {
  const a = await new Fleet(redis.server).open()
  const order: string[] = []
  a.tiers.onCommit((commits) => commits.forEach(({ asOf }) => order.push(`heard ${asOf}`)))
  const slow = a.front.hold('apply')
  const first = a.store.set('x', 1).then(() => order.push('wrote x'))
  await slow.arrived()
  // The second group passes the first one on the way.
  const quick = a.front.hold('apply')
  quick.release()
  const applied = a.front.hold('apply', 'after')
  const second = a.store.set('y', 2).then(() => order.push('wrote y'))
  await applied.arrived()
  applied.release()
  await new Promise((resolve) => setImmediate(resolve))
  expect(order).toEqual([])
  slow.release()
  await Promise.all([first, second])
  expect(order.filter((what) => what.startsWith('heard'))).toEqual(['heard 1', 'heard 2'])
  expect(order.filter((what) => what.startsWith('wrote'))).toEqual(['wrote x', 'wrote y'])
  expect(order.indexOf('heard 2')).toBeLessThan(order.indexOf('wrote y'))
})

test('mixed policies in one group: each commit as its writer wanted, told once, in seq order', async () => {
  const a = await new Fleet(redis.server).open({ near: true })
  const groups: (readonly Commit[])[] = []
  a.tiers.onCommit((commits) => groups.push(commits))
  const proposals = await Promise.all([
    a.store.set('through', 1, { writePolicy: 'write-through' }),
    a.store.set('around', 2, { writePolicy: 'write-around' }),
    a.store.set('both', 3, { writePolicy: 'write-around' }),
    a.store.set('both', 4, { writePolicy: 'write-through' }),
    a.store.set('last', 5, { writePolicy: 'write-through' }),
    a.store.set('last', 6, { writePolicy: 'write-around' }),
    a.store.delete('absent'),
  ])
  expect(groups).toHaveLength(1)
  expect(groups[0]!.flatMap(({ changes }) => changes.map(({ seq }) => seq))).toEqual([1, 2, 3, 4, 5, 6])
  expect(proposals.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 6])
  const frontend = async (key: string): Promise<unknown> => a.store.get(key, { readPolicy: 'frontend-only' })
  expect(await Promise.all(['through', 'around', 'last'].map(frontend))).toEqual([1, undefined, undefined])
  // Either is right, the older one is not.
  expect([4, undefined]).toContain(await frontend('both'))
  expect(await Promise.all(['through', 'around', 'both', 'last'].map((key) => a.store.get(key)))).toEqual([1, 2, 4, 6])
})

test('the same commit for listener and writer, with the proposal that was made; also for a tiered store above', async () => {
  const fleet = new Fleet(redis.server)
  const a = await fleet.open()
  const above = createTiered({ back: a.tiers })
  const heard: Commit[] = []
  const heardAbove: Commit[] = []
  a.tiers.onCommit((commits) => heard.push(...commits))
  above.onCommit((commits) => heardAbove.push(...commits))
  const proposal = { reads: [], decide: () => [{ op: 'delete', key: keyOf('k') } as const] }
  await a.store.set('k', 1)
  heard.length = 0
  const commit = await a.tiers.commit(proposal)
  expect(heard).toEqual([commit])
  expect(heard[0]).toBe(commit)
  expect(commit.proposal).toBe(proposal)
  heardAbove.length = 0
  await a.store.set('k', 2)
  const again = await above.commit(proposal)
  expect(heardAbove.at(-1)).toBe(again)
  expect(again.proposal).toBe(proposal)
})

test('a listener that throws stops neither the others nor the writer, and is told', async () => {
  const thrown: unknown[] = []
  const a = await new Fleet(redis.server).open({ onError: (error) => thrown.push(error) })
  let heard = 0
  a.tiers.onCommit(() => {
    throw new Error('of the listener')
  })
  const count = (): void => void heard++
  const stop = a.tiers.onCommit(count)
  a.tiers.onCommit(count)
  await a.store.set('k', 1)
  stop()
  expect(heard).toBe(2)
  expect(thrown).toMatchObject([{ message: 'of the listener' }])
})

test('expiry reaches fronts and listeners as a change', async () => {
  const clock = new WallClock()
  const a = await new Fleet(redis.server).open({ near: true, clock })
  const ops: string[] = []
  a.tiers.onCommit((commits) => ops.push(...commits.flatMap(({ changes }) => changes.map(({ op }) => op))))
  await a.store.set('k', 1, { ttlMs: 1_000 })
  clock.step(2_000)
  expect(await a.tiers.expire(10)).toMatchObject({ tiers: [{ outcome: 'applied' }], proposal: undefined })
  expect(ops).toEqual(['set', 'expire'])
  expect(a.tiers.peek(keyOf('k').id)).toBeUndefined()
  expect(await heldIn(a.redis, [keyOf('k')])).toEqual([undefined])
})

test('when Redis hangs, they still hear of everything, in order and within bounds', async () => {
  const server = await startRedis()
  onTestFinished(() => server.close())
  const a = await new Fleet(server).open({ near: true, redis: { commandTimeoutMs: 50 } })
  await serving(a)
  const seqs: number[] = []
  a.tiers.onCommit((commits) => seqs.push(...commits.flatMap(({ changes }) => changes.map(({ seq }) => seq))))
  server.stop()
  const started = performance.now()
  await Promise.all(Array.from({ length: 10 }, (_, i) => a.store.set(i, i)))
  for (let i = 0; i < 10; i++) await a.store.set(i, i, { writePolicy: i % 2 === 0 ? 'write-around' : 'write-through' })
  expect(performance.now() - started).toBeLessThan(3_000)
  expect(seqs).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
})
