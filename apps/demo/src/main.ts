// The fleet: `npm start`. See README.md beside it.
import { type Flags, HELP, parseFlags, UsageError } from './flags.ts'
import { runFleet, type Victims } from './fleet/run.ts'
import { listenForStop } from './fleet/stop-signal.ts'
import { renderSummary } from './view/plain.ts'
import { Screen } from './view/screen.ts'

async function main(): Promise<number> {
  const flags = readFlags()
  if (typeof flags === 'number') return flags
  const screen = new Screen(flags.json)
  const victims: Victims = { instances: undefined, front: undefined }
  const stop = listenForStop(() => {
    victims.instances?.kill()
    // The private Redis goes with us: whoever watches over it notices that we are gone.
    process.exit(130)
  })
  // Whoever read our output has gone away, a closed terminal or `| head`: there is nobody left to run for.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stop.stop('nobody reads the output'))
  try {
    const report = await runFleet(flags, screen, stop, victims)
    if (report === undefined) {
      if (flags.json) screen.warn('stopped before there was anything to report')
      return flags.json ? 1 : 0
    }
    if (flags.json) await print(JSON.stringify(report, undefined, 2))
    else screen.say(renderSummary(report))
    for (const failure of flags.json ? report.failures : []) screen.warn(failure)
    return report.failures.length === 0 ? 0 : 1
  } catch (error) {
    screen.warn(error instanceof Error ? error.message : String(error))
    return error instanceof UsageError ? 2 : 1
  } finally {
    stop.dispose()
  }
}

function readFlags(): Flags | number {
  try {
    const flags = parseFlags(process.argv.slice(2))
    if (flags !== 'help') return flags
    process.stdout.write(HELP)
    return 0
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 2
  }
}

/** Resolves when it has been taken: a pipe may be slow, and we exit soon. */
function print(text: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(`${text}\n`, () => resolve()))
}

process.exit(await main())
