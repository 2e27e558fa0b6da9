// Explores the coherence protocol, and shows that each of its rules is needed.
import { HELP, readCommandLine } from './command-line.ts'
import { buildReport } from './report/report.ts'
import { textReport } from './report/text-report.ts'
import { check, hunt } from './run.ts'

const progress = (line: string): void => void process.stderr.write(`${line}\n`)

function main(): void {
  const settings = readCommandLine(process.argv.slice(2))
  if (settings === 'help') return void process.stdout.write(HELP)
  const started = performance.now()
  const scenarios = settings.scenarios.map((scenario) => {
    progress(`scenario ${scenario.name}: ${scenario.about}`)
    return check(scenario, progress)
  })
  const mutants = settings.mutants.map((flaw) => hunt(flaw, progress))
  const report = buildReport(scenarios, mutants, performance.now() - started)
  const { json, trace } = settings
  process.stdout.write(`${json ? JSON.stringify(report, undefined, 2) : textReport(report, trace)}\n`)
  if (report.summary.violated > 0 || report.summary.survived > 0) process.exitCode = 1
}

try {
  main()
} catch (error) {
  const misuse = error instanceof TypeError || error instanceof RangeError
  progress(misuse ? `${error.message}\n(--help shows what there is)` : String((error as Error).stack ?? error))
  process.exitCode = 2
}
