import type { MemoryBack } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { consume, type Consumer, type ConsumerOptions } from '../../src/index.ts'

/** A consumer of one lane that gives up after three attempts, close on one another. */
export const quick = { from: 'start', lanes: 1, attempts: 3, backoff: { minMs: 1, maxMs: 2 } } as const

/** Its place is at, or behind, this seq in every lane. */
export async function idle(consumer: Consumer, upTo: number): Promise<void> {
  await eventually(`it is past ${upTo}`, async () => (await consumer.stats()).lanes.every(({ seq }) => seq >= upTo))
}

/** What it has set aside. */
export async function parkedSeqs(consumer: Consumer): Promise<number[]> {
  return (await Array.fromAsync(consumer.parked())).map(({ change }) => change.seq)
}

/** Runs it until it is past the head, and leaves. */
export async function runOnce(back: MemoryBack, name: string, options: ConsumerOptions = {}): Promise<void> {
  await using consumer = await consume(back, name, { from: 'start', lanes: 2, ...options }, () => {})
  await idle(consumer, await back.log.head())
}
