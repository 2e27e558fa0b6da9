import { expect, test } from 'vitest'
import type { Case, Target } from '../src/runner/case.ts'
import type { Outcome } from '../src/runner/contest.ts'
import { judge } from '../src/runner/verdict.ts'

const caseWith = (...targets: Target[]): Case => ({
  name: 'a-case',
  measures: 'something',
  needsRedis: false,
  contenders: [],
  targets,
})

const outcome = (contender: string, rounds: readonly number[], more: Partial<Outcome> = {}): Outcome => ({
  contender,
  rounds,
  timesPerRound: 1,
  notes: {},
  failure: undefined,
  ...more,
})

test('the fastest rival counts, by medians, and the rounds give the range', () => {
  const target: Target = { kind: 'times', ours: 'us', against: ['slow', 'fast'], called: 'the best', atLeast: 2 }
  const outcomes = [outcome('us', [2, 1, 9]), outcome('slow', [20, 20, 20]), outcome('fast', [4, 5, 3])]
  expect(judge(caseWith(target), outcomes)).toEqual([
    {
      case: 'a-case',
      ours: 'us',
      target: '≥ 2 × the best',
      measured: '2 ×',
      value: 2,
      range: [3 / 9, 5],
      oursMicros: 2,
      theirs: 'fast',
      theirsMicros: 4,
      reached: true,
    },
  ])
})

test('without a bound a row is for information', () => {
  const [verdict] = judge(caseWith({ kind: 'times', ours: 'us', against: ['them'] }), [
    outcome('us', [1]),
    outcome('them', [2]),
  ])
  expect(verdict).toMatchObject({ target: undefined, reached: undefined, value: 2 })
})

test('who failed has no result, which reaches nothing', () => {
  const target: Target = { kind: 'times', ours: 'us', against: ['them'], atLeast: 1 }
  const failed = outcome('us', [1], { failure: 'it broke' })
  expect(judge(caseWith(target), [failed, outcome('them', [2])])[0]).toMatchObject({
    measured: 'no result',
    value: undefined,
    reached: false,
  })
})

test('an overhead is a share on top', () => {
  const target: Target = { kind: 'overhead', with: 'log', without: 'bare', atMost: 0.35 }
  const verdicts = (log: number) => judge(caseWith(target), [outcome('log', [log]), outcome('bare', [100])])
  expect(verdicts(130)[0]).toMatchObject({ target: '≤ 35 % on top of bare', measured: '+30 %', reached: true })
  expect(verdicts(140)[0]).toMatchObject({ measured: '+40 %', reached: false })
})

test('a limit is held by what was noted', () => {
  const target: Target = { kind: 'limit', ours: 'us', note: 'peak RSS', unit: 'MB', below: 300 }
  const verdicts = (peak: number) => judge(caseWith(target), [outcome('us', [1], { notes: { 'peak RSS': peak } })])
  expect(verdicts(299)[0]).toMatchObject({ target: 'peak RSS < 300 MB', measured: '299 MB', reached: true })
  expect(verdicts(300)[0]).toMatchObject({ reached: false })
})

test('an overhead may be spread over those who cause it', () => {
  const target: Target = { kind: 'overhead', with: 'fifty', without: 'one', atMost: 0.05, among: 49 }
  const verdicts = (fifty: number) => judge(caseWith(target), [outcome('fifty', [fifty]), outcome('one', [100])])
  expect(verdicts(296)[0]).toMatchObject({ target: '≤ 5 % on top of one, each', measured: '+4.0 %', reached: true })
  expect(verdicts(394)[0]).toMatchObject({ measured: '+6.0 %', reached: false })
})

test('a rate is how many operations fit into a second, by the median', () => {
  const target: Target = { kind: 'rate', ours: 'us', of: 'events', atLeast: 300_000 }
  const verdicts = (micros: number) => judge(caseWith(target), [outcome('us', [9, micros, 1])])
  expect(verdicts(2)[0]).toMatchObject({ target: '≥ 300,000 events/s', measured: '500,000 events/s', reached: true })
  expect(verdicts(4)[0]).toMatchObject({ value: 250_000, reached: false })
  expect(judge(caseWith(target), [])[0]).toMatchObject({ measured: 'no result', reached: false })
})
