import type { Case, Contender } from '../runner/case.ts'

const SUBSCRIBERS = 50
const AT_MOST = 0.05

function subscribersAt(perSecond: number, judged: boolean): Case {
  const contender = (name: string, subscribers: number, of: 'store' | 'log'): Contender => ({
    name,
    open: async (place) =>
      (await import('../contenders/subscribers.ts')).subscribersOf(place, { subscribers, of, perSecond }),
  })
  const one = 'one-subscriber'
  const many = `${SUBSCRIBERS}-subscribers`
  const among = SUBSCRIBERS - 1
  return {
    name: `subscribers-${SUBSCRIBERS}${judged ? '' : `-at-${perSecond}`}`,
    measures: `${SUBSCRIBERS} subscribers of one process, which follow ${perSecond} writes per second of another; time of the processor per write`,
    needsRedis: false,
    contenders: [
      contender(one, 1, 'store'),
      contender(many, SUBSCRIBERS, 'store'),
      contender(`${SUBSCRIBERS}-log-readers`, SUBSCRIBERS, 'log'),
    ],
    targets: [
      { kind: 'overhead', with: many, without: one, among, ...(judged && { atMost: AT_MOST }) },
      { kind: 'times', ours: many, against: [`${SUBSCRIBERS}-log-readers`] },
    ],
    fixed: { times: 3 * perSecond, quickTimes: perSecond / 10 },
  }
}

export const subscribers50: Case = subscribersAt(1_000, true)
export const subscribers50Busy: Case = subscribersAt(10_000, false)
