import { createMemoryBack } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { describe, expect, it } from 'vitest'
import { changes, consume, type Consumer, dropConsumer, encodeToken } from '../../src/index.ts'
import { deferred } from '../support/deferred.ts'
import { kindsOf, recordEvents } from '../support/events.ts'
import { range } from '../support/reading.ts'
import { tempStore } from '../support/temp-store.ts'
import { commitNumbers } from '../support/writing.ts'

/** Whether it is settled by the time that all that can run has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  promise.then(
    () => (settled = true),
    () => (settled = true),
  )
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
  return settled
}

describe('caughtUp', () => {
  it('resolves when all that was committed before is handled, and waits for nothing that came later', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 40)
    const seen = new Set<number>()
    const later = deferred()
    await using consumer = await consume(back, 'all', { from: 'start', lanes: 4 }, async ({ seq }) => {
      await new Promise(setImmediate)
      if (seq > 40) await later.promise
      seen.add(seq)
    })
    const caughtUp = consumer.caughtUp()
    // Not before the head was asked for.
    for (let i = 0; i < 3; i++) await Promise.resolve()
    await commitNumbers(back, 20, 41)
    await caughtUp
    expect(range(1, 40).filter((seq) => !seen.has(seq))).toEqual([])
    expect(seen.size).toBeLessThan(60)
    later.resolve()
    await consumer.caughtUp()
    expect(seen.size).toBe(60)
  })

  it('takes parked changes for done, and waits for a lane that stands still', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 4)
    let isBroken = true
    const handler = ({ seq }: { seq: number }): void => {
      if (isBroken && seq === 2) throw new Error('no')
    }
    const options = { from: 'start', lanes: 1, attempts: 1 } as const
    await using parking = await consume(back, 'parking', { ...options, onFailure: 'park' }, handler)
    recordEvents(parking)
    await parking.caughtUp()
    expect(await parking.stats()).toMatchObject({ parked: 1, lag: 0 })

    await using halting = await consume(back, 'halting', options, handler)
    const events = recordEvents(halting)
    const caughtUp = halting.caughtUp()
    await eventually('it stands still', () => kindsOf(events).includes('halted'))
    expect(await isSettled(caughtUp)).toBe(false)
    await halting.caughtUp({ upTo: 1 })
    isBroken = false
    await halting.resume()
    await caughtUp
  })

  it('takes a place: a seq, or a token of this log', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 4)
    const tokens: string[] = []
    for await (const { token } of changes(back.log, { from: 'start', batch: 2 })) {
      tokens.push(token)
      if (tokens.length === 2) break
    }
    const gate = deferred()
    await using consumer = await consume(back, 'upTo', { from: 'start', lanes: 1 }, async ({ seq }) => {
      if (seq === 3) await gate.promise
    })
    await consumer.caughtUp({ upTo: tokens[0] })
    const later = [consumer.caughtUp({ upTo: tokens[1] }), consumer.caughtUp({ upTo: 6 })]
    expect(await isSettled(Promise.race(later))).toBe(false)
    gate.resolve()
    await later[0]
    // It may lie beyond the head.
    expect(await isSettled(later[1]!)).toBe(false)
    await commitNumbers(back, 2, 5)
    await later[1]
    const { id, epoch } = back.log.identity
    const place = { seq: 1, check: 0 }
    for (const [upTo, told] of [
      [encodeToken({ id: 'other', epoch, ...place }), { code: 'TOKEN_FOREIGN' }],
      [encodeToken({ id, epoch: epoch + 1, ...place }), { code: 'LOG_EPOCH_CHANGED' }],
      ['x', { code: 'TOKEN_INVALID' }],
      [-1, { name: 'RangeError' }],
    ] as const)
      await expect(consumer.caughtUp({ upTo })).rejects.toMatchObject(told)
    await expect(consumer.caughtUp({ until: 1 } as never)).rejects.toThrow(TypeError)
    await expect(consumer.caughtUp({ signal: {} } as never)).rejects.toThrow(/option signal/)
  })

  it('ends with its signal, with the consumer, and with what ended that', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 1)
    const options = { from: 'start', lanes: 1, leaseMs: 500 } as const
    const hanging = (): Promise<Consumer> =>
      consume(back, 'hanging', { ...options, closeGraceMs: 0 }, () => new Promise(() => {}))
    const first = await hanging()
    recordEvents(first)
    const stop = new AbortController()
    const waits = [first.caughtUp({ signal: stop.signal }), first.caughtUp()]
    stop.abort(new Error('enough'))
    await expect(waits[0]).rejects.toThrow('enough')
    await expect(first.caughtUp({ signal: stop.signal })).rejects.toThrow('enough')
    await Promise.all([expect(waits[1]).rejects.toMatchObject({ code: 'CLOSED' }), first.close()])
    await expect(first.caughtUp()).rejects.toMatchObject({ code: 'CLOSED' })

    const second = await hanging()
    recordEvents(second)
    await Promise.all([
      expect(second.caughtUp()).rejects.toMatchObject({ code: 'CONSUMER_DROPPED' }),
      dropConsumer(back, 'hanging'),
    ])
    await second.close()
  })

  it('waits for the lanes of other processes, too, and for those that change hands', async () => {
    await using store = await tempStore()
    const [here, there] = [store.open(), store.open()]
    const gate = deferred()
    const seen = new Set<number>()
    const member = (back: typeof here, wait: Promise<unknown>): Promise<Consumer> =>
      consume(back, 'fleet', { from: 'start', lanes: 4, leaseMs: 2_000 }, async ({ seq }) => {
        await wait
        seen.add(seq)
      })
    const first = await member(here, Promise.resolve())
    await using second = await member(there, gate.promise)
    await eventually('both have lanes', async () => {
      const stats = await Promise.all([first.stats(), second.stats()])
      return stats.every(({ lanes }) => lanes.filter(({ owned }) => owned).length === 2)
    })
    await commitNumbers(here, 40)
    const waits = [first.caughtUp(), second.caughtUp()]
    await eventually('half of it is handled', () => seen.size > 0)
    expect(await isSettled(Promise.race(waits))).toBe(false)
    gate.resolve()
    await Promise.all(waits)
    expect(seen.size).toBe(40)

    const back = await member(here, Promise.resolve())
    await commitNumbers(here, 40, 41)
    const [, caughtUp] = [first.close(), second.caughtUp()]
    await caughtUp
    expect(seen.size).toBe(80)
    await back.close()
  })
})
