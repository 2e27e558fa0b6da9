import { latenciesBetween } from '../contenders/latency/latencies-between.ts'
import type * as subscribers from '../contenders/latency/subscribers.ts'
import type { WriterSetup } from '../contenders/latency/writer.ts'
import type { Case, Contender, Place } from '../runner/case.ts'

const PER_SECOND = 1_000
const TIMES = 3_000
const QUICK_TIMES = 150

const contender = (
  name: string,
  writer: (place: Place) => WriterSetup,
  subscribe: (place: Place, by: typeof subscribers) => subscribers.Subscribe,
): Contender => ({
  name,
  open: async (place) =>
    latenciesBetween({
      writer: writer(place),
      subscribe: subscribe(place, await import('../contenders/latency/subscribers.ts')),
      perSecond: PER_SECOND,
    }),
})

const FIXED = { times: TIMES, quickTimes: QUICK_TIMES }
const MEASURES = `${PER_SECOND} writes per second in one process, synchronous FULL`

/** From the commit to the handler, in ms; what only Redis has seen is not durable, and counts from the call. */
export const changeLatency: Case = {
  name: 'change-latency',
  measures: `${MEASURES}, from the commit to the handler of another process on the same file; ms`,
  needsRedis: true,
  contenders: [
    contender(
      'tidemark-nudged',
      ({ folder, redisUrl }) => ({ kind: 'tidemark', folder, redis: redisUrl }),
      ({ folder, redisUrl }, { toStore }) => toStore(folder, redisUrl),
    ),
    contender(
      'tidemark-polling',
      ({ folder }) => ({ kind: 'tidemark', folder }),
      ({ folder }, { toStore }) => toStore(folder),
    ),
    contender(
      'sqlite-and-publish',
      ({ folder, redisUrl }) => ({ kind: 'sqlite', folder, redis: redisUrl }),
      ({ folder, redisUrl }, { toLogTable }) => toLogTable(folder, redisUrl),
    ),
    contender(
      'sqlite-polled-2ms',
      ({ folder }) => ({ kind: 'sqlite', folder }),
      ({ folder }, { toLogTable }) => toLogTable(folder),
    ),
    contender(
      'ioredis-publish',
      ({ redisUrl }) => ({ kind: 'redis-publish', redis: redisUrl }),
      ({ redisUrl }, { toMessages }) => toMessages(redisUrl),
    ),
  ],
  targets: [
    { kind: 'limit', ours: 'tidemark-nudged', note: 'p50', unit: 'ms', below: 1 },
    { kind: 'limit', ours: 'tidemark-nudged', note: 'p99', unit: 'ms', below: 5 },
    { kind: 'limit', ours: 'tidemark-polling', note: 'p50', unit: 'ms', below: 5 },
    { kind: 'times', ours: 'tidemark-nudged', against: ['sqlite-and-publish'] },
    { kind: 'times', ours: 'tidemark-polling', against: ['sqlite-polled-2ms'] },
    { kind: 'times', ours: 'tidemark-nudged', against: ['ioredis-publish'] },
  ],
  fixed: FIXED,
}

export const relayLatency: Case = {
  name: 'relay-latency',
  measures: `${MEASURES}, from the commit to the handler of a process without the file, over the copy of the log in Redis; ms`,
  needsRedis: true,
  contenders: [
    contender(
      'tidemark-relay',
      ({ folder, redisUrl }) => ({ kind: 'tidemark', folder, redis: redisUrl, relay: true }),
      ({ redisUrl }, { toRelay }) => toRelay(redisUrl),
    ),
    contender(
      'ioredis-stream',
      ({ redisUrl }) => ({ kind: 'redis-stream', redis: redisUrl }),
      ({ redisUrl }, { toStream }) => toStream(redisUrl),
    ),
  ],
  targets: [
    { kind: 'times', ours: 'tidemark-relay', against: ['ioredis-stream'] },
    { kind: 'figure', ours: 'tidemark-relay', per: 'write' },
  ],
  fixed: FIXED,
}
