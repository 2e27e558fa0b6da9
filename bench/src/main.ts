// Runs the benchmarks: each contender in a process of its own, all of a case in turn, round by round.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { findCase } from './cases/registry.ts'
import type { Case } from './runner/case.ts'
import { HELP, readCommandLine, type Settings } from './runner/command-line.ts'
import { contest, type Outcome } from './runner/contest.ts'
import { describeEnvironment } from './runner/environment.ts'
import { buildReport, type CaseResult } from './runner/report.ts'
import { textReport } from './runner/text-report.ts'
import { Workplace } from './runner/workplace.ts'

const progress = (line: string): void => void process.stderr.write(`${line}\n`)

async function main(): Promise<void> {
  const settings = readCommandLine(process.argv.slice(2))
  if (settings === 'help') return void process.stdout.write(HELP)

  const cases = await Promise.all(settings.cases.map(findCase))
  const workplace = new Workplace(settings.folder, Math.max(...cases.map(({ contenders }) => contenders.length)))
  const before = describeEnvironment(workplace.folder, undefined)
  const results: CaseResult[] = []
  for (const subject of cases) results.push([subject, await runCase(subject, settings, workplace)])
  await workplace.close()

  const { quick, rounds, roundMs, json, strict } = settings
  const report = buildReport({ ...before, redis: workplace.redisVersion }, { quick, rounds, roundMs }, results)
  process.stdout.write(`${json ? JSON.stringify(report, undefined, 2) : textReport(report)}\n`)
  if (strict && (report.summary.missed > 0 || report.summary.failedContenders > 0)) process.exitCode = 1
}

async function runCase(subject: Case, settings: Settings, workplace: Workplace): Promise<readonly Outcome[]> {
  const folder = join(workplace.folder, subject.name)
  mkdirSync(folder)
  const redis = subject.needsRedis ? await workplace.emptyRedis() : undefined
  const outcomes = await contest(subject, {
    ...settings,
    folder,
    redisUrl: (index) => redis?.url(index) ?? '',
    onProgress: progress,
    onWorker: (worker) => workplace.employ(worker),
  })
  workplace.dismiss(folder)
  for (const { contender, failure } of outcomes) {
    if (failure !== undefined) progress(`${subject.name}: ${contender} FAILED: ${failure}`)
  }
  return outcomes
}

try {
  await main()
} catch (error) {
  const misuse = error instanceof TypeError || error instanceof RangeError
  progress(misuse ? `${error.message}\n(--help shows what there is)` : String((error as Error).stack ?? error))
  process.exit(2)
}
