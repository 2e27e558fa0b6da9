import type { Consumer } from 'tidemark'
import type { Place, Subject } from '../runner/case.ts'
import { type Item, itemOf } from '../workload/item.ts'
import { inLanes } from '../workload/lanes.ts'
import { openTidemark } from './open-tidemark.ts'

export interface ConsumedEventsOptions {
  /** Of a round. */
  readonly events: number
  readonly batch: number
  readonly redis: boolean
}

const WRITERS = 512

/**
 * A durable consumer that writes one entry per event, in the transaction that notes how far it has come. A round begins
 * with the consumer, and ends when it is closed: everything is durable by then.
 */
export async function consumedEvents(place: Place, { events, batch, redis }: ConsumedEventsOptions): Promise<Subject> {
  const store = await openTidemark(place, { log: false, ...(redis && { redis: place.redisUrl }) })
  let written = 0
  const consume = async (): Promise<void> => {
    const { promise: all, resolve } = Promise.withResolvers<void>()
    const seen = new Set<number>()
    const consumer: Consumer<Item> = await store.consume<Item>(
      'bench',
      { prefix: ['in'], from: 'start', batch, transaction: true },
      (changes, { tx }) => {
        for (const change of changes) {
          if (change.op !== 'set') continue
          const { id, n } = change.value
          tx.set(['done', id], { id, n })
          seen.add(n)
        }
        // Handled again: a batch whose commit met another one.
        if (seen.size === events) resolve()
      },
    )
    await all
    await consumer.close()
  }
  return {
    async prepare() {
      let number = 0
      await inLanes(WRITERS, events, async () => {
        const item = number++
        await store.set(['in', item], itemOf(item, written + item))
      })
      written += events
    },
    async run(times) {
      if (times !== events) throw new Error(`${events} events are there, not ${times}`)
      await consume()
    },
    async notes() {
      let sum = 0
      let count = 0
      for await (const { value } of store.entries<{ n: number }>({ prefix: ['done'] })) {
        sum += value.n
        count++
      }
      const expected = sumOf(written - events, events)
      if (count !== events || sum !== expected) throw new Error(`${count} effects make ${sum}, not ${expected}`)
      return {}
    },
    close: () => store.close(),
  }
}

/** Of so many whole numbers from `first` on. */
export function sumOf(first: number, count: number): number {
  return count * first + (count * (count - 1)) / 2
}
