import { parseArgs } from 'node:util'
import { type Mutant, MUTANTS } from './mutants.ts'

export interface Arguments {
  readonly seed: number
  readonly seeds: number
  readonly json: boolean
  readonly verbose: boolean
  /** Look for each mutant instead, in as many seeds as are given at most. */
  readonly mutants: boolean
  /** Run this one instead of what is right; or look for this one only. */
  readonly mutant: Mutant | undefined
}

export const HELP: string = `npm run simulate -- [options]

The production code over simulated tiers, in virtual time, with faults of every kind. A seed is a run that can be repeated.

  --seeds 1000     how many runs
  --seed 1         the first one
  --mutants        looks for each broken rule instead, in at most so many seeds; with --mutant, for that one
  --mutant NAME    breaks this rule: ${MUTANTS.map(({ name }) => name).join(', ')}
  --verbose        what happened, step by step
  --json           one JSON document on standard output, nothing else
  --help           this text

Exits with 1 when something was violated, or a broken rule goes unnoticed.
`

/** @returns 'help' when that was asked for. @throws TypeError or RangeError for what is no argument. */
export function parseArguments(args: readonly string[]): Arguments | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      mutants: { type: 'boolean', default: false },
      mutant: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const mutant = MUTANTS.find(({ name }) => name === values.mutant)
  if (values.mutant !== undefined && mutant === undefined) {
    throw new RangeError(`--mutant must be one of ${MUTANTS.map(({ name }) => name).join(', ')}, not ${values.mutant}`)
  }
  const { json, verbose, mutants } = values
  const seed = wholeOf('seed', values.seed, 0)
  // None would find nothing wrong, and prove nothing.
  return { seed, seeds: wholeOf('seeds', values.seeds, 1), json, verbose, mutants, mutant }
}

function wholeOf(name: string, text: string, min: number): number {
  const value = Number(text)
  if (text !== '' && Number.isSafeInteger(value) && value >= min) return value
  throw new RangeError(`--${name} must be a whole number from ${min}, not ${text}`)
}
