import type { MemoryBack } from '@tidemark/core'
import { expect } from 'vitest'
import { consume, type ConsumerOptions, consumerStats, parkedChanges, type ParkedSelection } from '../../src/index.ts'
import { parkedOf, requestsOf } from '../../src/consumers/consumer-keys.ts'
import { scanMarks } from '../../src/consumers/scan-marks.ts'
import { recordEvents } from './events.ts'

/** One attempt, and what fails is parked. */
export const parking = { from: 'start', lanes: 4, attempts: 1, onFailure: 'park', backoff: { minMs: 1 } } as const

type AnyBack = Pick<MemoryBack, 'log' | 'leases' | 'marks' | 'codec'>

/** Handles none of these, and leaves. */
export async function parkAll(back: MemoryBack, name: string, poison: readonly number[], other: ConsumerOptions = {}) {
  await using consumer = await consume(back, name, { ...parking, ...other }, ({ seq }) => {
    if (poison.includes(seq)) throw new Error(`poison ${seq}`)
  })
  recordEvents(consumer)
  await consumer.caughtUp()
}

export async function parkedSeqs(back: AnyBack, name: string, selection?: ParkedSelection): Promise<number[]> {
  const parked = await Array.fromAsync(parkedChanges(back, name, selection))
  return parked.map(({ change }) => change.seq).toSorted((a, b) => a - b)
}

/** What is counted is what is there. */
export async function expectCounts(back: AnyBack, name: string): Promise<void> {
  const { lanes } = await consumerStats(back, name)
  for (const { lane, parked } of lanes)
    expect(await Array.fromAsync(scanMarks(back.marks, parkedOf(name, lane)))).toHaveLength(parked)
}

export async function openRequestsOf(back: AnyBack, name: string): Promise<number> {
  return (await Array.fromAsync(scanMarks(back.marks, requestsOf(name)))).length
}
