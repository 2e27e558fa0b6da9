import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** Starts a program of `test/programs` in a process of its own; it runs on the built packages. */
export function startProgram(name: string, ...args: string[]): ChildProcessByStdio<null, Readable, Readable> {
  const file = fileURLToPath(new URL(`../programs/${name}.ts`, import.meta.url))
  return spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Runs it to its end. */
export async function runProgram(
  name: string,
  ...args: string[]
): Promise<{ code: number | null; out: string; err: string }> {
  const child = startProgram(name, ...args)
  const [[code], out, err] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  return { code: code as number | null, out, err }
}
