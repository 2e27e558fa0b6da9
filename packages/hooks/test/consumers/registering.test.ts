import { createMemoryBack, type MemoryBack, Payload, TidemarkError } from '@tidemark/core'
import { eventually, ManualClock } from '@tidemark/testkit'
import { describe, expect, it, vi } from 'vitest'
import { consume, type ConsumerOptions, dropConsumer } from '../../src/index.ts'
import { registrationKey } from '../../src/consumers/consumer-keys.ts'
import { deferred } from '../support/deferred.ts'
import { kindsOf, recordEvents } from '../support/events.ts'
import { pass } from '../support/passing.ts'
import { StoppableClock } from '../support/stoppable-clock.ts'
import { commitNumbers } from '../support/writing.ts'

/** Runs it until it has caught up, and leaves. */
async function runOnce(back: MemoryBack, options: ConsumerOptions, seen: number[]): Promise<void> {
  await using consumer = await consume(back, 'anew', options, ({ seq }) => seen.push(seq))
  await consumer.caughtUp()
}

describe('members of a consumer', () => {
  it.each([
    [{ prefix: ['p2'] }, 'prefix: p1, not with prefix: p2'],
    [{ prefix: undefined }, 'prefix: p1, not with no prefix'],
    [{ ops: ['set'] }, 'ops: delete and set, not with ops: set'],
    [{ ops: undefined }, 'ops: delete and set, not with no ops'],
    [{ transaction: true }, 'transaction: false, not with transaction: true'],
    [{ prefix: 'p2', lanes: 3 }, 'lanes: 2, prefix: p1, not with lanes: 3, prefix: p2'],
  ])('refuses a member that would be handed other changes: %o', async (other, told) => {
    const back = createMemoryBack()
    const options: ConsumerOptions = { lanes: 2, prefix: ['p1'], ops: ['set', 'delete'] }
    const first = await consume(back, 'agreed', options, () => {})
    const same = await consume(back, 'agreed', { ...options, prefix: 'p1', ops: ['delete', 'set'] }, () => {})
    const asked = { ...options, ...other } as ConsumerOptions
    await expect(consume(back, 'agreed', asked, () => {})).rejects.toMatchObject({
      code: 'CONSUMER_MISMATCH',
      message: expect.stringContaining(told),
    })
    await Promise.all([first.close(), same.close()])
    await dropConsumer(back, 'agreed')
    await using _new = await consume(back, 'agreed', asked, () => {})
  })

  it('takes over what an earlier release has registered, which tells lanes alone', async () => {
    const back = createMemoryBack()
    await using _first = await consume(back, 'earlier', { prefix: 'p1' }, () => {})
    const key = registrationKey('earlier')
    const [mark] = await back.marks.read([key])
    const { delivery: _, ...earlier } = mark!.read() as { delivery: object }
    await back.marks.write([{ key, value: Payload.encode(back.codec, earlier) }])
    await using _second = await consume(back, 'earlier', { prefix: 'p2' }, () => {})
    await expect(consume(back, 'earlier', { prefix: 'p1' }, () => {})).rejects.toMatchObject({
      code: 'CONSUMER_MISMATCH',
    })
  })

  it('refuses another number of lanes, and says what to do; a drop forgets it', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 2)
    const first = await consume(back, 'fixed', { lanes: 4, from: 'start' }, () => {})
    await expect(consume(back, 'fixed', { lanes: 5 }, () => {})).rejects.toMatchObject({
      code: 'CONSUMER_MISMATCH',
      message: expect.stringContaining('pass lanes: 4'),
    })
    const events = recordEvents(first)
    expect(await dropConsumer(back, 'fixed')).toBe(true)
    await commitNumbers(back, 5, 3)
    await eventually('it has ended', () => kindsOf(events).includes('ended'))
    expect(events.find(({ kind }) => kind === 'ended')).toMatchObject({ error: { code: 'CONSUMER_DROPPED' } })
    await first.close()
    expect(await dropConsumer(back, 'fixed')).toBe(false)
    const seen: number[] = []
    await using _again = await consume(back, 'fixed', { lanes: 5, from: 'start' }, ({ seq }) => seen.push(seq))
    await eventually('all seen', () => seen.length === 7)
  })

  it('begins anew after a drop that did not come to its end', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock })
    await commitNumbers(back, 3)
    const seen: number[] = []
    const options = { from: 'start', lanes: 1, clock } as const
    await runOnce(back, options, seen)
    const scan = vi.spyOn(back.marks, 'scan').mockRejectedValueOnce(new TidemarkError('IO', 'the disk failed'))
    await expect(dropConsumer(back, 'anew', { clock })).rejects.toMatchObject({ code: 'IO' })
    scan.mockRestore()
    await runOnce(back, options, seen)
    expect(seen).toEqual([1, 2, 3, 1, 2, 3])
  })

  it('begins anew also where an owner of before knows of nothing yet', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock })
    await commitNumbers(back, 3)
    const gate = deferred()
    const options = { from: 'start', lanes: 1 } as const
    const stopped = new StoppableClock(clock)
    const old = await consume(back, 'anew', { ...options, batch: 3, clock: stopped }, () => gate.promise)
    const events = recordEvents(old)
    await eventually('it is at work', async () => (await old.stats()).lanes[0]!.owned)
    stopped.stop()
    vi.spyOn(back.leases, 'endRange').mockRejectedValueOnce(new TidemarkError('IO', 'the disk failed'))
    await expect(dropConsumer(back, 'anew', { clock })).rejects.toMatchObject({ code: 'IO' })
    const seen: number[] = []
    await using consumer = await consume(back, 'anew', { ...options, clock }, ({ seq }) => seen.push(seq))
    gate.resolve()
    await eventually('it has lost the lane', () => kindsOf(events).includes('lane-lost'))
    stopped.goOn()
    await old.close()
    await pass(clock, 1_000)
    await consumer.caughtUp()
    expect(seen).toEqual([1, 2, 3])
  })

  it('loses nothing to a drop that is held up until it was registered anew', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock })
    await commitNumbers(back, 3)
    const seen: number[] = []
    const options = { from: 'start', lanes: 1, clock } as const
    await runOnce(back, options, seen)
    const [isAt, gate] = [deferred(), deferred()]
    const scan = back.marks.scan.bind(back.marks)
    const held = vi.spyOn(back.marks, 'scan').mockImplementationOnce(async (...args) => {
      isAt.resolve()
      await gate.promise
      return scan(...args)
    })
    const drop = dropConsumer(back, 'anew', { clock })
    await isAt.promise
    clock.advance(60_000)
    await runOnce(back, options, seen)
    gate.resolve()
    expect(await drop).toBe(true)
    held.mockRestore()
    await runOnce(back, options, seen)
    expect(seen).toEqual([1, 2, 3, 1, 2, 3])
  })

  it('ends when it was dropped and registered anew before it has noticed, with lanes or without', async () => {
    const back = createMemoryBack()
    const old = await Promise.all([1, 2, 3].map(() => consume(back, 'renewed', { lanes: 2, leaseMs: 500 }, () => {})))
    const events = old.map(recordEvents)
    await eventually('they know of each other', async () => {
      const stats = await Promise.all(old.map((consumer) => consumer.stats()))
      return stats.every(({ members }) => members === 3)
    })
    await dropConsumer(back, 'renewed')
    await using _new = await consume(back, 'renewed', { lanes: 2, leaseMs: 500 }, () => {})
    await eventually('they have ended', () => events.every((each) => kindsOf(each).includes('ended')))
    await Promise.all(old.map((consumer) => consumer.close()))
  })

  it.each([
    [{ lanes: 0 }, RangeError],
    [{ lanes: 1025 }, RangeError],
    [{ batch: 0 }, RangeError],
    [{ attempts: 0 }, RangeError],
    [{ backoff: { minMs: 10, maxMs: 5 } }, RangeError],
    [{ backoff: { max: 5 } }, TypeError],
    [{ leaseMs: 5 }, RangeError],
    [{ onFailure: 'skip' }, RangeError],
    [{ onCompacted: 'snapshot' }, RangeError],
    [{ from: 'end' }, RangeError],
    [{ from: new Date(Number.NaN) }, RangeError],
    [{ transaction: 'yes' }, TypeError],
    [{ retries: 3 }, TypeError],
    [{ log: {} }, TypeError],
    [{ signal: {} }, /option signal/],
  ])('refuses %o at once, with nothing registered', async (options, error) => {
    const back = createMemoryBack()
    await expect(consume(back, 'wrong', options as ConsumerOptions, () => {})).rejects.toThrow(error)
    expect(await dropConsumer(back, 'wrong')).toBe(false)
  })
})
