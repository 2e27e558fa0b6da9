import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/**
 * Runs a program of `test/programs` on the built packages, and kills it at a moment of chance after it has printed so many
 * lines. @returns the lines that it printed whole; what it wrote to stderr is an error
 */
export async function killed(name: string, args: readonly string[], lines: number): Promise<readonly string[]> {
  const program = fileURLToPath(new URL(`../programs/${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let err = ''
  child.stderr.on('data', (text) => (err += String(text)))
  const printed: string[] = []
  let end = Infinity
  for await (const line of createInterface({ input: child.stdout })) {
    printed.push(line)
    if (printed.length === lines) end = performance.now() + Math.random() * 30
    if (performance.now() >= end) child.kill('SIGKILL')
  }
  if (err !== '') throw new Error(err)
  // The last one may be cut off.
  return printed.slice(0, -1)
}
