import { expect, test } from 'vitest'
import { parseArguments } from '../src/simulation/arguments.ts'

test.each([
  [['--bogus'], /--bogus/],
  [['--seeds', '0'], /--seeds must be a whole number from 1, not 0/],
  [['--seed', ''], /--seed must be/],
  [['--mutant', 'rain'], /--mutant must be one of .*not rain/],
])('%j is refused', (args, message) => {
  expect(() => parseArguments(args)).toThrow(message)
})

test('what is understood, and help', () => {
  expect(parseArguments(['--seeds', '1', '--seed', '0'])).toMatchObject({ seed: 0, seeds: 1 })
  expect(parseArguments(['--help'])).toBe('help')
})
