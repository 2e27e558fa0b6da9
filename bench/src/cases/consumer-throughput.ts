import type { Case, Contender, Place } from '../runner/case.ts'

const EVENTS = 20_000
const QUICK_EVENTS = 1_000
const BATCH = 500
/** As many jobs at once as a batch has events: fewer and more were slower. */
const CONCURRENCY = BATCH

const eventsIn = ({ quick }: Place): number => (quick ? QUICK_EVENTS : EVENTS)

const tidemark = (name: string, redis: boolean): Contender => ({
  name,
  open: async (place) =>
    (await import('../contenders/consumed-events.ts')).consumedEvents(place, {
      events: eventsIn(place),
      batch: BATCH,
      redis,
    }),
})

const bullmq = (name: string, grouped: boolean): Contender => ({
  name,
  open: async (place) =>
    (await import('../contenders/bullmq-events.ts')).bullmqEvents(place, {
      events: eventsIn(place),
      concurrency: CONCURRENCY,
      grouped,
    }),
})

const BULLMQ = ['bullmq', 'bullmq-grouped']

export const consumerThroughput: Case = {
  name: 'consumer-throughput',
  measures: `events whose handler writes one entry each to a SQLite file, synchronous FULL, in batches of ${BATCH} or ${CONCURRENCY} jobs at once`,
  needsRedis: true,
  contenders: [
    tidemark('tidemark', false),
    tidemark('tidemark-with-redis', true),
    bullmq('bullmq', false),
    bullmq('bullmq-grouped', true),
  ],
  targets: [
    { kind: 'rate', ours: 'tidemark', of: 'events', atLeast: 20_000 },
    { kind: 'times', ours: 'tidemark', against: BULLMQ, called: 'BullMQ', atLeast: 1 },
    { kind: 'times', ours: 'tidemark-with-redis', against: BULLMQ, called: 'BullMQ', atLeast: 1 },
  ],
  fixed: { times: EVENTS, quickTimes: QUICK_EVENTS },
}
