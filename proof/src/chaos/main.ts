// Runs chaos: real processes, real faults, and a checker. See flags.ts, or --help.
import { type Flags, HELP, readFlags } from './flags.ts'
import { ProgressLine } from './report/progress-line.ts'
import { textReport } from './report/text-report.ts'
import { runChaos } from './run/run-chaos.ts'

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** 130: what shells say of a command that Ctrl-C has ended. */
const EXIT_CODES = { passed: 0, violated: 1, interrupted: 130 } as const

async function main({ settings, json }: Flags): Promise<void> {
  const stop = new AbortController()
  for (const name of STOP_SIGNALS) {
    process.on(name, () => {
      // The second one: everything that was started ends with this process.
      if (stop.signal.aborted) process.exit(EXIT_CODES.interrupted)
      stop.abort()
    })
  }
  const line = new ProgressLine(process.stderr)
  try {
    const report = await runChaos(settings, { signal: stop.signal, onProgress: (what, ops) => line.show(what, ops) })
    line.end()
    process.stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : textReport(report))
    process.exitCode = EXIT_CODES[report.outcome]
  } catch (error) {
    line.end()
    process.stderr.write(`${(error as Error).stack ?? String(error)}\n`)
    process.exitCode = 2
  }
}

function flagsOf(args: readonly string[]): Flags | undefined {
  try {
    const flags = readFlags(args)
    if (flags !== 'help') return flags
    process.stdout.write(HELP)
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n(--help shows what there is)\n`)
    process.exitCode = 2
  }
  return undefined
}

const flags = flagsOf(process.argv.slice(2))
if (flags !== undefined) await main(flags)
