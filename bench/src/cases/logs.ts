import type { Case, Contender, Place } from '../runner/case.ts'

const LANES = 128
const LOGS = 1_000
const ARRAY = 1_000

const elementsIn = ({ quick }: Place): number => (quick ? QUICK_ELEMENTS : ELEMENTS)
const ELEMENTS = 100_000
const QUICK_ELEMENTS = 5_000

const append = (name: string, logs: number): Contender => ({
  name,
  open: async (place) => (await import('../contenders/log-appends.ts')).logAppends(place, { lanes: LANES, logs }),
})

const raw = (name: string, logs: number): Contender => ({
  name,
  open: async (place) => (await import('../contenders/raw-appends.ts')).rawAppends(place, { lanes: LANES, logs }),
})

export const append128: Case = {
  name: 'append-128',
  measures: `append() of 100 bytes to one log, or to a random one of ${LOGS.toLocaleString('en-US')}, ${LANES} at once, synchronous FULL`,
  needsRedis: false,
  contenders: [
    append('tidemark', 1),
    append('tidemark-1000-logs', LOGS),
    raw('sqlite-group-commit', 1),
    raw('sqlite-group-commit-1000-logs', LOGS),
    {
      name: `array-of-${ARRAY}`,
      open: async (place) =>
        (await import('../contenders/log-appends.ts')).arrayAppends(place, { lanes: LANES, elements: ARRAY }),
    },
  ],
  targets: [
    { kind: 'times', ours: 'tidemark', against: ['sqlite-group-commit'] },
    { kind: 'times', ours: 'tidemark-1000-logs', against: ['sqlite-group-commit-1000-logs'] },
    { kind: 'times', ours: 'tidemark', against: [`array-of-${ARRAY}`], called: 'an array of 1,000 in one value' },
  ],
}

export const logRead: Case = {
  name: 'log-read',
  measures: 'all elements of a log of 100,000, of 100 bytes each, by its iterator; per element',
  needsRedis: false,
  contenders: [
    {
      name: 'tidemark',
      open: async (place) => (await import('../contenders/log-elements.ts')).tidemarkElements(place, elementsIn(place)),
    },
    {
      name: 'sqlite-rows-decoded',
      open: async (place) => (await import('../contenders/log-elements.ts')).rawElements(place, elementsIn(place)),
    },
  ],
  targets: [{ kind: 'times', ours: 'tidemark', against: ['sqlite-rows-decoded'], atLeast: 0.5 }],
  fixed: { times: ELEMENTS, quickTimes: QUICK_ELEMENTS },
}
