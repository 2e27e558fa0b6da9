import { parseArgs } from 'node:util'
import { CASE_NAMES, selectCases } from '../cases/registry.ts'

export interface Settings {
  readonly cases: readonly string[]
  readonly rounds: number
  readonly roundMs: number
  readonly warmUpMs: number
  readonly quick: boolean
  readonly json: boolean
  readonly strict: boolean
  /** Where the SQLite files go for the time of the run; undefined: the system's folder for temporary files. */
  readonly folder: string | undefined
}

export const HELP: string = `npm run bench -- [options]

Compares Tidemark with the raw drivers and with bentocache, cacheable, cache-manager and BullMQ.

  --case NAME    only this case, or all whose names begin so; may be repeated
  --rounds N     measured rounds per contender (default 9, with --quick 3)
  --quick        a look instead of a measurement: short rounds, small data
  --json         one JSON document on standard output, nothing else
  --strict       exit with 1 when a target is missed or a contender has failed
  --dir FOLDER   put the SQLite files in there (removed afterwards); a folder in memory makes durable writes free
  --help         this text

Cases: ${CASE_NAMES.join(', ')}
`

/** @returns 'help' when that was asked for. @throws TypeError or RangeError for what is not understood. */
export function readCommandLine(args: readonly string[]): Settings | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      case: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      strict: { type: 'boolean', default: false },
      dir: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const { quick, json, strict } = values
  const rounds = Number(values.rounds ?? (quick ? 3 : 9))
  if (!(Number.isInteger(rounds) && rounds > 0)) {
    throw new RangeError(`--rounds takes a whole number from 1, not ${values.rounds}`)
  }
  return {
    cases: selectCases(values.case),
    rounds,
    roundMs: quick ? 50 : 500,
    warmUpMs: quick ? 50 : 1_500,
    quick,
    json,
    strict,
    folder: values.dir,
  }
}
