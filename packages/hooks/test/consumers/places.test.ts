import { createMemoryBack, type MemoryBack, Payload } from '@tidemark/core'
import { eventually, ManualClock } from '@tidemark/testkit'
import { describe, expect, it, vi } from 'vitest'
import { consume, consumerPositions } from '../../src/index.ts'
import { laneKey } from '../../src/consumers/consumer-keys.ts'
import { kindsOf, recordEvents } from '../support/events.ts'
import { range } from '../support/reading.ts'
import { commit, commitNumbers, setting } from '../support/writing.ts'
import { idle, runOnce } from '../support/consuming.ts'

async function seqOf(back: MemoryBack, name: string, lane: number): Promise<number | undefined> {
  const [mark] = await back.marks.read([laneKey(name, lane)])
  return (mark?.read() as { seq: number } | undefined)?.seq
}

describe('a lane whose place in the log is gone', () => {
  it.each(['error', 'latest'] as const)('compacted, under %s', async (onCompacted) => {
    const back = createMemoryBack({ maxLogChanges: 5 })
    await commitNumbers(back, 2)
    await runOnce(back, 'gone')
    await commitNumbers(back, 20, 3)
    const seen: number[] = []
    await using consumer = await consume(back, 'gone', { lanes: 2, onCompacted }, ({ seq }) => seen.push(seq))
    const events = recordEvents(consumer)
    if (onCompacted === 'latest') {
      await idle(consumer, 22)
      await commitNumbers(back, 2, 23)
      await idle(consumer, 24)
      expect(seen.toSorted((a, b) => a - b)).toEqual([23, 24])
      expect(events.filter(({ kind }) => kind === 'skipped')).toMatchObject([
        { after: 2, to: 22, error: { code: 'LOG_COMPACTED' } },
        { after: 2, to: 22 },
      ])
      return
    }
    await eventually('both stand still', () => kindsOf(events).filter((kind) => kind === 'halted').length === 2)
    const { lanes } = await consumer.stats()
    expect(lanes.map(({ halt }) => halt)).toMatchObject([
      { code: 'LOG_COMPACTED', seq: undefined },
      { code: 'LOG_COMPACTED' },
    ])
    // It is asked for by hand, and no more by itself.
    expect(await consumer.resume({ from: 'start' })).toBe(2)
    await idle(consumer, 22)
    expect(seen.toSorted((a, b) => a - b)).toEqual(range(18, 22))
  })

  it('in the middle of its way, under latest', async () => {
    const back = createMemoryBack({ maxLogChanges: 4 })
    const seen: number[] = []
    await using consumer = await consume(
      back,
      'behind',
      { from: 'start', lanes: 1, onCompacted: 'latest' },
      async ({ seq }) => {
        seen.push(seq)
        if (seq === 1) await commitNumbers(back, 600, 2)
      },
    )
    const events = recordEvents(consumer)
    await commitNumbers(back, 1)
    await idle(consumer, 601)
    await eventually('it was told', () => kindsOf(events).includes('skipped'))
    expect(seen[0]).toBe(1)
  })

  it('restored: halts, and goes on from its mark when it is told to, since the marks were restored with the log', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 4)
    await runOnce(back, 'restored')
    await back.restored()
    await commitNumbers(back, 2, 5)
    const seen: number[] = []
    await using consumer = await consume(back, 'restored', { lanes: 2 }, ({ seq }) => seen.push(seq))
    const events = recordEvents(consumer)
    await eventually('both stand still', () => kindsOf(events).filter((kind) => kind === 'halted').length === 2)
    expect((await consumer.stats()).lanes[0]!.halt).toMatchObject({ code: 'LOG_EPOCH_CHANGED' })
    await consumer.resume()
    await idle(consumer, 6)
    expect(seen.toSorted((a, b) => a - b)).toEqual([5, 6])
  })

  it('restored while it runs: its leases end, and it halts', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 2)
    await using consumer = await consume(back, 'live', { from: 'start', lanes: 2, leaseMs: 200 }, () => {})
    const events = recordEvents(consumer)
    await idle(consumer, 2)
    await back.restored()
    await commitNumbers(back, 1, 3)
    await eventually('both stand still', () => kindsOf(events).filter((kind) => kind === 'halted').length === 2)
    expect(kindsOf(events)).toContain('lane-lost')
  })

  it('diverged: a mark of another history is refused, also when it is told to go on from there', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 4)
    await runOnce(back, 'diverged')
    const [mark] = await back.marks.read([laneKey('diverged', 0)])
    const changed = Payload.encode(back.codec, { ...(mark!.read() as object), check: 7 })
    await back.marks.write([{ key: laneKey('diverged', 0), value: changed }])
    await using consumer = await consume(back, 'diverged', { lanes: 2 }, () => {})
    const events = recordEvents(consumer)
    const halts = (): number => kindsOf(events).filter((kind) => kind === 'halted').length
    await eventually('one stands still', () => halts() === 1)
    expect((await consumer.stats()).lanes.map(({ halt }) => halt?.code)).toEqual(['LOG_DIVERGED', undefined])
    expect(await consumer.resume()).toBe(1)
    await eventually('it stands still again', () => halts() === 2)
    expect(await consumer.resume({ from: 'now' })).toBe(1)
    await commitNumbers(back, 1, 5)
    await idle(consumer, 5)
  })

  it('refuses to begin where the log no longer does, with nothing registered', async () => {
    const back = createMemoryBack({ maxLogChanges: 3 })
    await commitNumbers(back, 10)
    for (const from of ['start', new Date(0)] as const) {
      await expect(consume(back, 'late', { from }, () => {})).rejects.toMatchObject({ code: 'LOG_COMPACTED' })
    }
    expect(await consumerPositions(back)).toEqual([])
    await (await consume(back, 'late', { from: 'start', onCompacted: 'latest' }, () => {})).close()
    expect(await consumerPositions(back)).toEqual([{ name: 'late', seq: 10 }])
  })
})

describe('the place of a lane', () => {
  it('moves on, now and then, through what is not wanted, and is stored when it leaves', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock, maxLogChanges: 20_000 })
    const consumer = await consume(back, 'filtered', { from: 'start', lanes: 1, prefix: 'wanted', clock }, () => {})
    const write = vi.spyOn(back.marks, 'write')
    await eventually('it runs', async () => (await consumer.stats()).lanes[0]!.owned)
    for (let n = 1; n <= 50; n++) {
      await commitNumbers(back, 1, n)
      await eventually('it has seen it', async () => (await consumer.stats()).lanes[0]!.seq === n)
    }
    const writes = write.mock.calls.length
    expect(writes).toBeLessThanOrEqual(4)
    expect(await seqOf(back, 'filtered', 0)).toBeLessThan(50)
    clock.advance(1_000)
    await eventually('it is stored', async () => (await seqOf(back, 'filtered', 0)) === 50)
    // Far behind, it does not wait for the time to pass.
    const many = Array.from({ length: 5_000 }, (_, i) => setting(['n', i], i))
    await commit(back, ...many)
    await commit(back, ...many.slice(0, 10))
    await eventually('it is stored', async () => (await seqOf(back, 'filtered', 0))! >= 5_050)
    await consumer.close()
    expect(await seqOf(back, 'filtered', 0)).toBe(5_060)
  })

  it('is never past a change that is not done', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 200)
    const open = new Set<number>()
    const done = new Set<number>()
    const lanes = 4
    const check = async (): Promise<void> => {
      const marks = await Promise.all(range(0, lanes - 1).map((lane) => seqOf(back, 'mark', lane)))
      for (const seq of marks)
        for (const unfinished of open)
          if (laneOfSeq.get(unfinished) === marks.indexOf(seq)) expect(seq).toBeLessThan(unfinished)
    }
    const laneOfSeq = new Map<number, number>()
    await using consumer = await consume(
      back,
      'mark',
      { from: 'start', lanes, batch: 3 },
      async (changes, { lane }) => {
        for (const { seq } of changes) {
          open.add(seq)
          laneOfSeq.set(seq, lane)
        }
        await check()
        for (const { seq } of changes) {
          open.delete(seq)
          done.add(seq)
        }
      },
    )
    await idle(consumer, 200)
    expect(done.size).toBe(200)
  })
})
