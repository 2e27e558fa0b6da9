import type { Case, Target } from './case.ts'
import type { Outcome } from './contest.ts'
import { median, rounded } from './statistics.ts'

const MICROS_PER_S = 1_000_000

/** One line of the result. */
export interface Verdict {
  readonly case: string
  /** The contender that is judged. */
  readonly ours: string
  /** What was to be reached, in words; undefined: for information. */
  readonly target: string | undefined
  /** The comparison, in words. */
  readonly measured: string
  /** The same as a number: times faster, share on top, or the figure. Undefined: there is no result. */
  readonly value: number | undefined
  /** Lowest and highest value of the single rounds. */
  readonly range: readonly [number, number] | undefined
  readonly oursMicros: number | undefined
  readonly theirs: string | undefined
  readonly theirsMicros: number | undefined
  /** Undefined: nothing was to be reached. */
  readonly reached: boolean | undefined
}

/** Judges the targets of a case. What has no result is not reached. */
export function judge(subject: Case, outcomes: readonly Outcome[]): readonly Verdict[] {
  return subject.targets.map((target) => ({ case: subject.name, ...verdictOf(target, outcomes) }))
}

function verdictOf(target: Target, outcomes: readonly Outcome[]): Omit<Verdict, 'case'> {
  switch (target.kind) {
    case 'times':
      return times(target, outcomes)
    case 'overhead':
      return overhead(target, outcomes)
    case 'limit':
      return limit(target, outcomes)
    case 'rate':
      return rate(target, outcomes)
    case 'figure':
      return figure(target, outcomes)
  }
}

function times(target: Extract<Target, { kind: 'times' }>, outcomes: readonly Outcome[]): Omit<Verdict, 'case'> {
  const { atLeast, orRate, against, called = against.join(', ') } = target
  const ours = resultOf(outcomes, target.ours)
  const rivals = against.flatMap((name) => resultOf(outcomes, name) ?? [])
  const best = rivals.toSorted((a, b) => a.micros - b.micros)[0]
  const value = ours && best && best.micros / ours.micros
  return {
    ours: target.ours,
    target:
      atLeast === undefined
        ? undefined
        : `≥ ${atLeast} × ${called}${orRate === undefined ? '' : `, or ${inThousands(orRate)}/s`}`,
    measured: value === undefined ? 'no result' : `${rounded(value)} ×`,
    value,
    range: ours && best && rangeOf(ours.rounds.map((micros, i) => best.rounds[i]! / micros)),
    oursMicros: ours?.micros,
    theirs: best?.name ?? called,
    theirsMicros: best?.micros,
    reached:
      atLeast === undefined
        ? undefined
        : (value !== undefined && value >= atLeast) ||
          (ours !== undefined && orRate !== undefined && MICROS_PER_S / ours.micros >= orRate),
  }
}

function overhead(target: Extract<Target, { kind: 'overhead' }>, outcomes: readonly Outcome[]): Omit<Verdict, 'case'> {
  const { atMost, without, among = 1 } = target
  const ours = resultOf(outcomes, target.with)
  const bare = resultOf(outcomes, without)
  const onTop = (micros: number, bareMicros: number): number => (micros / bareMicros - 1) / among
  const value = ours && bare && onTop(ours.micros, bare.micros)
  return {
    ours: target.with,
    target: atMost === undefined ? undefined : `≤ ${atMost * 100} % on top of ${without}${among > 1 ? ', each' : ''}`,
    measured: value === undefined ? 'no result' : `${value < 0 ? '−' : '+'}${percent(Math.abs(value))} %`,
    value,
    range: ours && bare && rangeOf(ours.rounds.map((micros, i) => onTop(micros, bare.rounds[i]!))),
    oursMicros: ours?.micros,
    theirs: without,
    theirsMicros: bare?.micros,
    reached: atMost === undefined ? undefined : value !== undefined && value <= atMost,
  }
}

function limit(target: Extract<Target, { kind: 'limit' }>, outcomes: readonly Outcome[]): Omit<Verdict, 'case'> {
  const ours = resultOf(outcomes, target.ours)
  const noted = ours?.notes[target.note]
  const value = typeof noted === 'number' ? noted : undefined
  return {
    ...alone(target.ours, ours),
    target: `${target.note} < ${target.below} ${target.unit}`,
    measured: value === undefined ? 'no result' : `${rounded(value)} ${target.unit}`,
    value,
    reached: value !== undefined && value < target.below,
  }
}

function rate(target: Extract<Target, { kind: 'rate' }>, outcomes: readonly Outcome[]): Omit<Verdict, 'case'> {
  const { of, atLeast } = target
  const ours = resultOf(outcomes, target.ours)
  const value = ours && MICROS_PER_S / ours.micros
  return {
    ...alone(target.ours, ours),
    target: `≥ ${inThousands(atLeast)} ${of}/s`,
    measured: value === undefined ? 'no result' : `${inThousands(rounded(value))} ${of}/s`,
    value,
    reached: value !== undefined && value >= atLeast,
  }
}

function figure(target: Extract<Target, { kind: 'figure' }>, outcomes: readonly Outcome[]): Omit<Verdict, 'case'> {
  const ours = resultOf(outcomes, target.ours)
  return {
    ...alone(target.ours, ours),
    target: undefined,
    measured: ours === undefined ? 'no result' : `${rounded(ours.micros)} µs per ${target.per}`,
    value: ours?.micros,
    reached: undefined,
  }
}

function alone(
  name: string,
  ours: Result | undefined,
): Pick<Verdict, 'ours' | 'range' | 'oursMicros' | 'theirs' | 'theirsMicros'> {
  return {
    ours: name,
    range: ours && rangeOf(ours.rounds),
    oursMicros: ours?.micros,
    theirs: undefined,
    theirsMicros: undefined,
  }
}

interface Result extends Pick<Outcome, 'rounds' | 'notes'> {
  readonly name: string
  readonly micros: number
}

function resultOf(outcomes: readonly Outcome[], name: string): Result | undefined {
  const outcome = outcomes.find(({ contender }) => contender === name)
  if (outcome === undefined || outcome.failure !== undefined) return undefined
  return { name, micros: median(outcome.rounds), rounds: outcome.rounds, notes: outcome.notes }
}

function percent(share: number): string {
  return (share * 100).toFixed(share < 0.1 ? 1 : 0)
}

function inThousands(value: number): string {
  return value.toLocaleString('en-US')
}

function rangeOf(values: readonly number[]): readonly [number, number] {
  return [Math.min(...values), Math.max(...values)]
}
