import { createHistogram } from 'node:perf_hooks'
import type { Subject } from '../../runner/case.ts'
import { median } from '../../runner/statistics.ts'
import { Companion } from '../companion.ts'
import { machineMicros } from './machine-time.ts'
import type { Subscribe } from './subscribers.ts'
import type { WriteOrder, WriterSetup, WriteTimes } from './writer.ts'

const PROGRAM = new URL('writer-process.ts', import.meta.url)
const WARM_UP = 1_000
const PATIENCE_MS = 20_000
const MICROS_PER_MS = 1_000

export interface LatenciesBetweenOptions {
  readonly writer: WriterSetup
  readonly subscribe: Subscribe
  readonly perSecond: number
}

/**
 * One process writes at a steady pace, this one is told. An operation is a write, and its time the median of the round:
 * from the commit, as the writing process has seen it, to the handler in this one.
 */
export async function latenciesBetween({ writer, subscribe, perSecond }: LatenciesBetweenOptions): Promise<Subject> {
  const fromCommit = createHistogram()
  const fromCall = createHistogram()
  const companion = new Companion<WriteOrder, WriteTimes>(PROGRAM, writer)
  let next = 1
  /** Of the items of a round, in the order in which they came. */
  let arrivals = new Map<number, number>()
  let wanted = 0
  let whole: () => void = () => {}

  const round = async (times: number): Promise<{ called: number[]; committed: number[] }> => {
    const first = next
    next += times
    arrivals = new Map()
    wanted = times
    const all = new Promise<void>((resolve) => (whole = resolve))
    const written = await companion.ask({ first, times, perSecond })
    await within(PATIENCE_MS, all, () => `${arrivals.size} of ${times} writes have come`)
    const since = (moments: readonly number[]): number[] =>
      moments.map((moment, i) => Math.max(1, Math.round(arrivals.get(first + i)! - moment)))
    return { called: since(written.called), committed: since(written.committed) }
  }

  // The writer makes what is subscribed to.
  await companion.ask({ first: 0, times: 1, perSecond })
  const unsubscribe = await subscribe(({ n }) => {
    arrivals.set(n, machineMicros())
    if (arrivals.size === wanted) whole()
  })
  await round(WARM_UP)
  return {
    async run(times) {
      const { called, committed } = await round(times)
      for (const micros of called) fromCall.record(micros)
      for (const micros of committed) fromCommit.record(micros)
      return (median(committed) / MICROS_PER_MS) * times
    },
    async notes() {
      const ms = (micros: number): number => micros / MICROS_PER_MS
      return {
        p50: ms(fromCommit.percentile(50)),
        p99: ms(fromCommit.percentile(99)),
        longest: ms(fromCommit.max),
        'p50 from the call': ms(fromCall.percentile(50)),
        'p99 from the call': ms(fromCall.percentile(99)),
        'of so many writes': fromCommit.count,
      }
    },
    async close() {
      await unsubscribe()
      await companion.close()
    },
  }
}

async function within(ms: number, work: Promise<void>, what: () => string): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what()} within ${ms} ms`)), ms)
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
