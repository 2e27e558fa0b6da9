import { parseArgs } from 'node:util'
import { printSummary, printVerdict } from './report.ts'
import { runSeed } from './run-seed.ts'
import { type Totals, totalsOf } from './totals.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
})

const first = wholeOf('seed', values.seed)
const count = wholeOf('seeds', values.seeds)
const totals: Totals = totalsOf()
for (let seed = first; seed < first + count; seed++) {
  const result = await runSeed(seed, { withTrace: values.verbose })
  totals.add(result)
  if (values.verbose || (result.violations.length > 0 && !values.json)) printVerdict(result, values.verbose)
}
if (values.json) console.log(JSON.stringify(totals.summary(), undefined, 2))
else printSummary(totals.summary())
process.exitCode = totals.summary().violations > 0 ? 1 : 0

function wholeOf(name: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new RangeError(`--${name} must be a whole number, not ${text}`)
}
