import { parseArgs } from 'node:util'
import { type Mutant, MUTANTS } from './mutants.ts'

export interface Arguments {
  readonly seed: number
  readonly seeds: number
  readonly json: boolean
  readonly verbose: boolean
  /** Look for each mutant instead, in as many seeds as are given at most. */
  readonly mutants: boolean
  /** Run this one instead of what is right. */
  readonly mutant: Mutant | undefined
}

/** @throws TypeError or RangeError for what is no argument. */
export function parseArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      mutants: { type: 'boolean', default: false },
      mutant: { type: 'string' },
    },
  })
  const mutant = MUTANTS.find(({ name }) => name === values.mutant)
  if (values.mutant !== undefined && mutant === undefined) {
    throw new RangeError(`--mutant must be one of ${MUTANTS.map(({ name }) => name).join(', ')}, not ${values.mutant}`)
  }
  const { json, verbose, mutants } = values
  return { seed: wholeOf('seed', values.seed), seeds: wholeOf('seeds', values.seeds), json, verbose, mutants, mutant }
}

function wholeOf(name: string, text: string): number {
  const value = Number(text)
  if (text !== '' && Number.isSafeInteger(value) && value >= 0) return value
  throw new RangeError(`--${name} must be a whole number, not ${text}`)
}
