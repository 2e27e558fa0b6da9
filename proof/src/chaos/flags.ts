import { parseArgs } from 'node:util'
import { FAULT_KINDS, type FaultKind, isFaultKind } from './faults/kinds.ts'
import type { ChaosSettings } from './run/settings.ts'
import { SABOTAGES } from './worker/sabotage/sabotage.ts'

export interface Flags {
  readonly settings: ChaosSettings
  readonly json: boolean
}

export const HELP: string = `npm run chaos -- [options]

Real processes over one SQLite file and one Redis, real faults, and a checker of all that they saw.

  --for 30s          how long faults are made: ms, s or m (default 30s)
  --seed 1           repeats the faults of an earlier run
  --workers 4        processes, 1 to 16
  --keys 32          1 to 1024; one in four is a counter, one is loaded and has tags
  --ack bounded      bounded or strict
  --faults a,b       none, or only these: ${FAULT_KINDS.join(', ')}
  --sabotage NAME    breaks something on purpose, to see the checker notice: ${SABOTAGES.join(', ')}
  --json             one JSON document on standard output, nothing else
  --help             this text

Exits with 1 when something was violated, and with 130 when nothing was, but the run was ended early.
`

/** @returns 'help' when that was asked for. @throws TypeError or RangeError for what is not understood. */
export function readFlags(args: readonly string[]): Flags | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      for: { type: 'string', default: '30s' },
      seed: { type: 'string', default: '1' },
      workers: { type: 'string', default: '4' },
      keys: { type: 'string', default: '32' },
      ack: { type: 'string', default: 'bounded' },
      faults: { type: 'string' },
      sabotage: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const settings = {
    forMs: milliseconds('for', values.for),
    seed: whole('seed', values.seed, 0, 2 ** 32 - 1),
    workers: whole('workers', values.workers, 1, 16),
    keys: whole('keys', values.keys, 1, 1_024),
    ack: oneOf('ack', values.ack, ['bounded', 'strict'] as const),
    faults: values.faults === undefined ? FAULT_KINDS : faultsOf(values.faults),
    sabotage: values.sabotage === undefined ? undefined : oneOf('sabotage', values.sabotage, SABOTAGES),
  }
  return { settings, json: values.json }
}

function milliseconds(name: string, text: string): number {
  const [, amount, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? []
  const ms = Number(amount) * (unit === 'ms' ? 1 : unit === 's' ? 1e3 : 60e3)
  // A longer timer fires at once.
  if (ms >= 1 && ms < 2 ** 31) return ms
  throw new RangeError(`--${name} takes a time such as 60s, 500ms or 10m, not ${text}`)
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = text === '' ? NaN : Number(text)
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new RangeError(`--${name} takes a whole number from ${min} to ${max}, not ${text}`)
}

function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === text)
  if (found === undefined) throw new RangeError(`--${name} takes ${allowed.join(' or ')}, not ${text}`)
  return found
}

function faultsOf(text: string): readonly FaultKind[] {
  if (text === 'none') return []
  return text.split(',').map((name) => {
    if (isFaultKind(name)) return name
    throw new RangeError(`--faults takes none, or some of ${FAULT_KINDS.join(', ')}, not ${name}`)
  })
}
