import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** Runs a program of `test/programs` in a process of its own, to its end; it runs on the built packages. */
export async function runProgram(name: string, ...args: string[]): Promise<Outcome> {
  const file = fileURLToPath(new URL(`../programs/${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [[code], out, err] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  return { code: code as number | null, out, err }
}

interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly err: string
}
