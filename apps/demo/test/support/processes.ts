import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parentOf } from '../../src/fleet/parent.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** A fleet as a user starts it, without a terminal. */
export interface RunningFleet {
  readonly child: ChildProcess
  readonly pid: number
  readonly output: { stdout: string; stderr: string }
  readonly exited: Promise<number | NodeJS.Signals | null>
}

export function startFleet(args: readonly string[], env: Record<string, string> = {}): RunningFleet {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()))
  const exited = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal))
  })
  return { child, pid: child.pid!, output, exited }
}

/** All processes that were started by `pid`, and by those. */
export function descendantsOf(pid: number): readonly number[] {
  const parents = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => [Number(name), parentOf(Number(name))]),
  )
  const found = [pid]
  for (const ancestor of found) for (const [child, parent] of parents) if (parent === ancestor) found.push(child)
  return found.slice(1)
}

/** Those of the processes that still are there. */
export function alive(pids: readonly number[]): readonly number[] {
  return pids.filter((pid) => parentOf(pid) !== undefined)
}

/** What `ps` shows of everything that was started by `pid`. */
export function commandLines(pid: number): readonly string[] {
  return descendantsOf(pid).flatMap((child) => {
    try {
      return [readFileSync(`/proc/${child}/cmdline`, 'utf8').replaceAll('\0', ' ')]
    } catch {
      return []
    }
  })
}
