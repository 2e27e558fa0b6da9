import { systemClock } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Fleet, heldIn, type Instance, keyOf, serving, useRedis } from './support/fleet.ts'

const redis = useRedis()
/** So long that a test cannot be right by chance. */
const LONG_MS = 4_000

function unreachable({ front }: Instance): void {
  front.inject(() => 'drop-before')
}

/** What a writer that is cut off was told is written, a reader reads, although Redis holds on to what it replaced. */
async function expectNewAfter(writer: Instance, reader: Instance): Promise<void> {
  await writer.store.set('k', 'old', { ack: 'bounded' })
  expect(await reader.store.get('k')).toBe('old')
  loseTail(reader)
  unreachable(writer)
  await writer.store.set('k', 'new')
  // Before it is read, and thereby replaced.
  expect((await heldIn(reader.front, [keyOf('k')]))[0]?.entry?.payload.read()).toBe('old')
  expect(await reader.store.get('k')).toBe('new')
}

function loseTail({ front }: Instance): void {
  front.inject(({ method }) => (method === 'tail' ? 'drop-before' : undefined))
}

async function agreed({ back, front }: Instance) {
  return (await back.agreements.sample(front.agreedAs)).agreement
}

test('bounded: acknowledged at once, and who reads from the front may miss it for as long as the bound', async () => {
  const fleet = new Fleet(redis.server)
  const bound = { frontMaxStaleMs: LONG_MS }
  const [writer, reader] = await Promise.all([fleet.open(bound), fleet.open(bound)])
  await writer.store.set('k', 'old')
  await reader.store.get('k')
  loseTail(reader)
  unreachable(writer)
  await writer.store.set('k', 'new')
  expect(await reader.store.get('k')).toBe('old')
})

describe('strict', () => {
  test('when it is acknowledged, nobody reads from the front what it replaced', async () => {
    const fleet = new Fleet(redis.server)
    const [writer, reader] = await Promise.all([fleet.open({ ack: 'strict' }), fleet.open()])
    await expectNewAfter(writer, reader)
  })

  test('where the front is reached, nobody waits', async () => {
    const fleet = new Fleet(redis.server)
    const writer = await fleet.open({ ack: 'strict', frontMaxStaleMs: LONG_MS })
    // The first one does: the agreement on this server is younger than the certificates that may be about.
    await writer.store.set('first', 1)
    const started = performance.now()
    for (let i = 0; i < 20; i++) await writer.store.set('k', i)
    expect(performance.now() - started).toBeLessThan(LONG_MS)
  })

  test('a front that cannot be reached is suspended: nobody reads it, and writers wait no more, until it is back', async () => {
    const fleet = new Fleet(redis.server)
    const strict = { ack: 'strict', frontMaxStaleMs: 1_500 } as const
    const [writer, reader] = await Promise.all([fleet.open(strict), fleet.open({ frontMaxStaleMs: 1_500 })])
    await writer.store.set('k', 'old')
    unreachable(writer)
    unreachable(reader)
    await writer.store.set('k', 'new')
    await eventually('it is suspended', async () => (await agreed(writer)).suspended)
    await writer.store.set('k', 'newer')
    const started = performance.now()
    for (let i = 0; i < 20; i++) await writer.store.set('k', i)
    expect(performance.now() - started).toBeLessThan(1_500)
    expect(await reader.store.get('k')).toBe(19)
    for (const { front } of [writer, reader]) front.inject(undefined)
    await eventually('it is suspended no more', async () => !(await agreed(reader)).suspended)
    await serving(reader)
    expect(await reader.store.get('k')).toBe(19)
  })

  test('a call that is lost costs its writer a wait, and keeps nobody from the front', async () => {
    const fleet = new Fleet(redis.server)
    const strict = { ack: 'strict', frontMaxStaleMs: 1_500 } as const
    const [writer, reader] = await Promise.all([fleet.open(strict), fleet.open({ frontMaxStaleMs: 1_500 })])
    await writer.store.set('k', 'old')
    const { term } = await agreed(writer)
    let isLost = false
    writer.front.inject(({ method }) => {
      if (method !== 'apply' || isLost) return undefined
      isLost = true
      return 'drop-before'
    })
    await writer.store.set('k', 'new')
    expect(isLost).toBe(true)
    expect(await reader.store.get('k')).toBe('new')
    expect(await agreed(writer)).toMatchObject({ term, suspended: false })
    expect(reader.isServing()).toBe(true)
  })

  test('a timer that ends early ends no wait early', async () => {
    const fleet = new Fleet(redis.server)
    const impatient = { ...systemClock, sleep: (ms: number) => systemClock.sleep(Math.floor(ms / 2)) }
    const writer = await fleet.open({ ack: 'strict', frontMaxStaleMs: 400, clock: impatient })
    unreachable(writer)
    // Before it is sent to the back tier: the wait counts from the commit, which comes later.
    const started = performance.now()
    await writer.store.set('k', 'new')
    expect(performance.now() - started).toBeGreaterThanOrEqual(400)
  })

  test('where the agreement is young, the wait ends when it is old enough, and not one Δ after the commit', async () => {
    const fleet = new Fleet(redis.server)
    const waits: number[] = []
    const clock = { ...systemClock, sleep: (ms: number) => (waits.push(ms), systemClock.sleep(ms)) }
    const writer = await fleet.open({ ack: 'strict', frontMaxStaleMs: 900, clock })
    const since = performance.now()
    await eventually('a while has passed', () => performance.now() - since > 300)
    await writer.store.set('k', 1)
    expect(waits[0]).toBeLessThanOrEqual(600)
    waits.length = 0
    await writer.store.set('k', 2)
    expect(waits).toEqual([])
  })

  test('a writer waits for as long as any process trusts its proofs, not only for its own bound', async () => {
    const fleet = new Fleet(redis.server)
    const writer = await fleet.open({ ack: 'strict', frontMaxStaleMs: 100 })
    const reader = await fleet.open({ frontMaxStaleMs: 1_500 })
    await expectNewAfter(writer, reader)
    expect(await agreed(writer)).toMatchObject({ maxStaleMs: 1_500 })
  })

  test('a bound that is raised while a writer waits does not lengthen what was proven before', async () => {
    const fleet = new Fleet(redis.server)
    const writer = await fleet.open({ ack: 'strict', frontMaxStaleMs: 100 })
    await writer.store.set('k', 'old')
    // So that the reader leaves the replaying to the writer, and takes the watermark as it is.
    await eventually('the log is replayed', async () => (await writer.front.look()).tailer !== '')
    const reader = await fleet.open({ frontMaxStaleMs: LONG_MS, redis: {} })
    const { agreements } = reader.sqlite
    const change = agreements.change.bind(agreements)
    const [asked, raise] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    agreements.change = async (...how) => {
      asked.resolve()
      await raise.promise
      return change(...how)
    }
    await asked.promise
    loseTail(reader)
    unreachable(writer)
    // The writer would suspend the front, which ends all proofs in the end, whatever they are worth.
    writer.sqlite.agreements.change = () => Promise.reject(new Error('not now'))
    writer.sqlite.onCommit(() => raise.resolve())
    await writer.store.set('k', 'new')
    expect(await reader.store.get('k')).toBe('new')
  })

  test('a bound that shrinks does not shorten the wait for what was proven before', async () => {
    const fleet = new Fleet(redis.server)
    const writer = await fleet.open({ ack: 'strict', frontMaxStaleMs: 100 })
    const reader = await fleet.open({ frontMaxStaleMs: LONG_MS })
    await writer.store.set('k', 'old', { ack: 'bounded' })
    expect(await reader.store.get('k')).toBe('old')
    // The reader hears of nothing any more: it trusts its proof for as long as that lasts.
    const looks = reader.front.hold('look')
    onTestFinished(() => looks.release())
    await looks.arrived()
    const { term } = await agreed(writer)
    await writer.sqlite.agreements.change(writer.front.agreedAs, term, { maxStaleMs: 100 })
    const { version } = await writer.store.set('next', 1, { ack: 'bounded' })
    await eventually('the writer has looked since', async () => {
      const { certificate } = (await writer.tiers.explain(keyOf('k'))).fronts[0]!
      return (certificate?.includes ?? 0) >= version
    })
    expect(await agreed(writer)).toMatchObject({ maxStaleMs: 100, waitMs: LONG_MS })
    unreachable(writer)
    await writer.store.set('k', 'new')
    expect((await heldIn(reader.front, [keyOf('k')]))[0]?.entry?.payload.read()).toBe('old')
    expect(await reader.store.get('k')).toBe('new')
  })

  test('a bound that nobody uses any more ends with the start of Redis, and then the wait for it', async () => {
    const fleet = new Fleet(redis.server)
    const other = await fleet.open({ frontMaxStaleMs: 1_000 })
    const writer = await fleet.open({ ack: 'strict', frontMaxStaleMs: 100 })
    expect(await agreed(writer)).toMatchObject({ maxStaleMs: 1_000, waitMs: 1_000 })
    await fleet.raw.del(`${fleet.namespace}:{p0}.m`)
    await eventually('who still uses it agrees on it again', async () => {
      const { maxStaleMs, epoch } = await agreed(writer)
      return maxStaleMs === 1_000 && epoch === writer.front.session?.epoch
    })
    await other.tiers.close()
    await fleet.raw.del(`${fleet.namespace}:{p0}.m`)
    await eventually('the bound is that of who is left', async () => (await agreed(writer)).maxStaleMs === 100)
    expect(await agreed(writer)).toMatchObject({ waitMs: 1_000 })
    await eventually('so is the wait', async () => (await agreed(writer)).waitMs === 100)
    expect(await agreed(writer)).toMatchObject({ maxStaleMs: 100, suspended: false })
  })

  test('who may not agree on a larger bound reads within the one of the others', async () => {
    const fleet = new Fleet(redis.server)
    const writer = await fleet.open({ ack: 'strict', frontMaxStaleMs: 100 })
    const reader = await fleet.open({ frontMaxStaleMs: 1_500, readOnly: true })
    await expectNewAfter(writer, reader)
    expect(await agreed(writer)).toMatchObject({ maxStaleMs: 100 })
  })

  test('per write', async () => {
    const fleet = new Fleet(redis.server)
    const [writer, reader] = await Promise.all([fleet.open(), fleet.open()])
    await writer.store.set('k', 'old')
    await reader.store.get('k')
    loseTail(reader)
    unreachable(writer)
    await writer.store.set('k', 'new', { ack: 'strict' })
    expect(await reader.store.get('k')).toBe('new')
    await expect(writer.store.set('k', 1, { ack: 'eventual' as never })).rejects.toThrow(/ack/)
  })
})
