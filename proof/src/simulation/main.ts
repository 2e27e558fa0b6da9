import { type Arguments, HELP, parseArguments } from './arguments.ts'
import { isBrokenHere, runBroken } from './broken-process.ts'
import { catchMutant, MUTANTS } from './mutants.ts'
import { printSummary, printVerdict } from './report.ts'
import { runSeed } from './run-seed.ts'
import { totalsOf } from './totals.ts'

const given = argumentsOf(process.argv.slice(2))
// Not left to end by itself: what a simulated process waited for when it was killed never comes, and keeps this one.
if (given !== undefined) process.exit((await (given.mutants ? lookForMutants(given) : simulate(given))) ? 0 : 1)

function argumentsOf(args: readonly string[]): Arguments | undefined {
  try {
    const parsed = parseArguments(args)
    if (parsed !== 'help') return parsed
    process.stdout.write(HELP)
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n(--help shows what there is)\n`)
    process.exitCode = 2
  }
  return undefined
}

async function simulate({ seed: first, seeds, json, verbose, mutant }: Arguments): Promise<boolean> {
  if (mutant?.code !== undefined && !isBrokenHere(mutant.code)) {
    return (await runBroken(mutant.code, process.argv.slice(2), 'inherit')).status === 0
  }
  const totals = totalsOf()
  for (let seed = first; seed < first + seeds; seed++) {
    const result = await runSeed(seed, { ...mutant?.options, withTrace: verbose })
    totals.add(result)
    if (!json && (verbose || result.violations.length > 0)) printVerdict(result, verbose, mutant?.name)
  }
  const summary = totals.summary()
  if (json) console.log(JSON.stringify(summary, undefined, 2))
  else printSummary(summary)
  return summary.violations === 0
}

async function lookForMutants({ seed, seeds, json, mutant: only }: Arguments): Promise<boolean> {
  const rows = []
  for (const mutant of only === undefined ? MUTANTS : [only]) {
    const caught = await catchMutant(mutant, seed, seeds)
    rows.push({ mutant: mutant.name, caught: caught !== undefined, ...caught })
    if (!json) {
      console.log(`${mutant.name}: ${caught === undefined ? 'NOT CAUGHT' : `seed ${caught.seed}: ${caught.shows}`}`)
    }
  }
  const missed = rows.filter(({ caught }) => !caught).length
  if (json) console.log(JSON.stringify(rows, undefined, 2))
  else console.log(`${rows.length - missed} of ${rows.length} mutants caught`)
  return missed === 0
}
