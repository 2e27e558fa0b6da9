import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { DATA_SET_SIZE } from './places/data-set.ts'

export interface Flags {
  /** undefined: until Ctrl-C. */
  readonly forMs: number | undefined
  readonly json: boolean
  readonly instances: number
  readonly useRedis: boolean
  readonly dataDir: string
  /** 0: any free ports. Otherwise instance n listens on this plus n - 1. */
  readonly port: number
  /** Virtual users in all, each with one request under way at a time. */
  readonly connections: number
  /** Requests per second in all; Infinity: as many as they can. */
  readonly rate: number
  /** The part of the requests that are edits. */
  readonly edits: number
  readonly places: number
  /** Instances are killed (-9) and started anew meanwhile. */
  readonly kill: boolean
}

/** The command line is wrong; the message is for whoever typed it. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export const HELP = `Runs a fleet of app instances over one store, under load, and checks that they agree.

  npm start -- [flags]

  --for 20s          stop after this time (ms, s, m, h); without it: Ctrl-C
  --json             no dashboard; print one JSON report at the end
  --instances 3      processes, 1 to 16
  --no-redis         memory fronts over the shared SQLite file, even where there is a Redis
  --data DIR         where the data is kept; ./data of the repository if left out
  --port 0           first port of the instances, then the worker's and the reader's; 0: any free ones
  --connections 12   virtual users in all
  --rate 0           requests per second in all; 0: no limit
  --edits 0.02       the part of the requests that are edits, 0 to 1
  --places ${DATA_SET_SIZE}    how many places of the data set to use
  --kill             kill -9 a process every few seconds, and start it anew
  --help             this text
`

const DEFAULT_DATA_DIR = resolve(import.meta.dirname, '../../../data')

/** @returns 'help' when that is what was asked for. @throws UsageError for anything that is not understood. */
export function parseFlags(args: readonly string[]): Flags | 'help' {
  const values = parse(args)
  if (values.help === true) return 'help'
  const instances = integer('instances', values.instances ?? '3', 1, 16)
  const kill = values.kill ?? false
  if (kill && instances === 1)
    throw new UsageError('--kill needs --instances 2 or more: somebody has to answer meanwhile')
  const rate = number('rate', values.rate ?? '0', 0, 1e6)
  return {
    forMs: values.for === undefined ? undefined : duration('for', values.for),
    json: values.json ?? false,
    instances,
    useRedis: values['no-redis'] !== true,
    dataDir: resolve(process.env['INIT_CWD'] ?? '.', values.data ?? DEFAULT_DATA_DIR),
    port: integer('port', values.port ?? '0', 0, 65_517),
    connections: integer('connections', values.connections ?? '12', 1, 1_000),
    rate: rate === 0 ? Infinity : rate,
    edits: number('edits', values.edits ?? '0.02', 0, 1),
    places: integer('places', values.places ?? String(DATA_SET_SIZE), 100, DATA_SET_SIZE),
    kill,
  }
}

const string = { type: 'string' } as const
const boolean = { type: 'boolean' } as const
const OPTIONS = {
  for: string,
  json: boolean,
  instances: string,
  'no-redis': boolean,
  data: string,
  port: string,
  connections: string,
  rate: string,
  edits: string,
  places: string,
  kill: boolean,
  help: { ...boolean, short: 'h' },
} as const

function parse(args: readonly string[]): ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'] {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false }).values
  } catch (error) {
    const [what = ''] = (error as Error).message.split(/\. |\n/)
    throw new UsageError(`${what.replace(/\.$/, '')}; see npm start -- --help`)
  }
}

function duration(name: string, text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? []
  const ms = Number(amount) * { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit ?? 's']!
  // Longer timers fire at once.
  if (ms > 0 && ms < 2 ** 31) return ms
  throw new UsageError(`--${name} must be a time such as 20s, 500ms, 2m or 1h, not ${JSON.stringify(text)}`)
}

function number(name: string, text: string, min: number, max: number): number {
  const value = text.trim() === '' ? NaN : Number(text)
  if (value >= min && value <= max) return value
  throw new UsageError(`--${name} must be a number from ${min} to ${max}, not ${JSON.stringify(text)}`)
}

function integer(name: string, text: string, min: number, max: number): number {
  const value = number(name, text, min, max)
  if (Number.isInteger(value)) return value
  throw new UsageError(`--${name} must be a whole number, not ${text}`)
}
