import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export interface Child {
  readonly process: ChildProcess
  /** Lines that the child printed so far. */
  readonly lines: readonly string[]
  /** Resolves when the child has printed this line. */
  printed(line: string): Promise<void>
  /** Resolves with the exit code, null after a signal. */
  readonly exited: Promise<number | null>
  /** Waits for its end. @returns the last line that it printed; what it wrote to stderr when it exited with an error */
  result(): Promise<string | undefined>
}

/** Starts one of the scripts in ../children; it ends with the test at the latest. */
export function startChild(script: string, args: readonly string[]): Child {
  const path = fileURLToPath(new URL(`../children/${script}`, import.meta.url))
  return start(process.execPath, [path, ...args])
}

export function start(command: string, args: readonly string[]): Child {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  const lines: string[] = []
  const awaited: { line: string; resolve: () => void }[] = []
  let stderr = ''
  child.stderr!.on('data', (text) => {
    stderr += String(text)
  })
  const reader = createInterface({ input: child.stdout! })
  reader.on('line', (line) => {
    lines.push(line)
    for (const one of awaited) if (one.line === line) one.resolve()
  })
  // Its output counts as complete only after both.
  const exited = Promise.all([
    new Promise<number | null>((resolve, reject) => {
      child.once('exit', resolve)
      child.once('error', reject)
    }),
    new Promise((resolve) => reader.once('close', resolve)),
  ]).then(([code]) => code)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited.catch(() => {})
  })
  const printed = (line: string): Promise<void> =>
    lines.includes(line)
      ? Promise.resolve()
      : Promise.race([
          new Promise<void>((resolve) => awaited.push({ line, resolve })),
          exited.then(() => {
            if (!lines.includes(line)) throw new Error(`the child ended without printing ${line}: ${stderr}`)
          }),
        ])
  const result = async (): Promise<string | undefined> => ((await exited) === 0 ? lines.at(-1) : stderr)
  return { process: child, lines, printed, exited, result }
}
