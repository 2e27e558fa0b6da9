// Runs chaos: real processes, real faults, and a checker. See flags.ts, or --help.
import { HELP, readFlags } from './flags.ts'
import { ProgressLine } from './report/progress-line.ts'
import { textReport } from './report/text-report.ts'
import { runChaos } from './run/run-chaos.ts'

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

async function main(): Promise<void> {
  const flags = readFlags(process.argv.slice(2))
  if (flags === 'help') return void process.stdout.write(HELP)
  const { settings, json } = flags
  const stop = new AbortController()
  for (const name of STOP_SIGNALS) {
    process.on(name, () => {
      // The second one: everything that was started ends with this process.
      if (stop.signal.aborted) process.exit(130)
      stop.abort()
    })
  }
  const line = new ProgressLine(process.stderr)
  try {
    const report = await runChaos(settings, { signal: stop.signal, onProgress: (what, ops) => line.show(what, ops) })
    line.end()
    process.stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : textReport(report))
    if (report.outcome !== 'passed') process.exitCode = 1
  } finally {
    line.end()
  }
}

try {
  await main()
} catch (error) {
  const isMisuse = error instanceof TypeError || error instanceof RangeError
  const { message, stack } = error as Error
  process.stderr.write(isMisuse ? `${message}\n(--help shows what there is)\n` : `${stack ?? message}\n`)
  process.exitCode = 2
}
