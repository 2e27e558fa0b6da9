// What `npm test` runs: every check of the workspace, then the tests. All of them run, whatever fails, and the last
// line counts them together: each check is one, and each test is one.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Tally {
  readonly passed: number
  readonly failed: number
}

/** The part of Vitest's JSON report that is counted. */
interface VitestReport {
  readonly success: boolean
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[]
}

const CHECKS: readonly (readonly [name: string, script: string])[] = [
  ['Redis is there', 'ensure-redis'],
  ['types and build', 'build'],
  ['lint', 'lint'],
  ['format', 'format:check'],
  ['import boundaries', 'check:boundaries'],
  ['workspace', 'check:workspace'],
  ['packages', 'check:packages'],
]

/** Where Linux keeps files in memory. */
const MEMORY_FOLDER = '/dev/shm'
const ENOUGH_MEMORY = 4 * 1024 ** 3

function npmRun(script: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = process.env): boolean {
  const command = ['run', '--silent', script, ...(args.length > 0 ? ['--', ...args] : [])]
  return spawnSync('npm', command, { stdio: 'inherit', shell: process.platform === 'win32', env }).status === 0
}

/**
 * Where tests put their files. A process that is killed loses as much in memory as on a disk, nothing, and power is never cut
 * here: what a slow disk adds is time.
 */
function folderForFiles(): string {
  try {
    const { bavail, bsize } = statfsSync(MEMORY_FOLDER)
    return bavail * bsize >= ENOUGH_MEMORY ? MEMORY_FOLDER : tmpdir()
  } catch {
    return tmpdir()
  }
}

function check(name: string, script: string): boolean {
  console.log(`\n# ${name} (npm run ${script})`)
  const startedAt = performance.now()
  const passed = npmRun(script)
  console.log(`# ${name}: ${passed ? 'passed' : 'FAILED'} in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  return passed
}

function readReport(file: string): VitestReport | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as VitestReport
  } catch {
    return undefined
  }
}

function runTests(): Tally {
  console.log('\n# tests (vitest)')
  const folder = mkdtempSync(join(process.env['TMPDIR'] === undefined ? folderForFiles() : tmpdir(), 'tidemark-test-'))
  // Some tests are of users who may read, and no more.
  chmodSync(folder, 0o755)
  const file = join(folder, 'report.json')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  // Hundreds of processes are started, and each would compile the same files: a third of the time of tests that kill some.
  const compiled = process.env['NODE_COMPILE_CACHE'] ?? join(folder, 'compiled')
  const exitedWell = npmRun('test:unit', reporters, { ...process.env, TMPDIR: folder, NODE_COMPILE_CACHE: compiled })
  const report = readReport(file)
  rmSync(folder, { recursive: true, force: true })
  if (report === undefined) return { passed: 0, failed: 1 }

  // A file that fails before its first test is in no test count.
  const brokenFiles = report.testResults.filter(
    (result) => result.status === 'failed' && result.assertionResults.length === 0,
  )
  // Tests never skip: what did not run did not pass.
  const failed = report.numFailedTests + report.numPendingTests + brokenFiles.length
  // An error outside of any test fails the run without failing a test.
  const failedElsewhere = failed === 0 && (!exitedWell || !report.success) ? 1 : 0
  return { passed: report.numPassedTests, failed: failed + failedElsewhere }
}

// Ctrl-C ends what runs, and this then, when it has removed its files.
process.once('SIGINT', () => {})

const failedChecks = CHECKS.filter(([name, script]) => !check(name, script))
const tests = runTests()
const passed = CHECKS.length - failedChecks.length + tests.passed
const failed = failedChecks.length + tests.failed

console.log('')
for (const [name, script] of failedChecks) console.log(`FAILED: ${name} (npm run ${script})`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
