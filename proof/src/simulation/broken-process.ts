import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { type BrokenCode, BROKEN_CODE_VARIABLE } from './broken-code.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const BREAK = new URL('break-code.ts', import.meta.url).href

/** Whether the code is broken in this process, or has to be in one of its own: what is loaded stays as it is. */
export function isBrokenHere({ name }: BrokenCode): boolean {
  return process.env[BROKEN_CODE_VARIABLE] === name
}

/** `npm run simulate`, over built packages, one rule of which is broken. */
export async function runBroken(
  { name }: BrokenCode,
  args: readonly string[],
  shows: 'inherit' | 'pipe',
): Promise<{ readonly status: number | null; readonly output: string }> {
  const child = spawn(process.execPath, ['--import', BREAK, MAIN, ...args], {
    env: { ...process.env, [BROKEN_CODE_VARIABLE]: name },
    stdio: ['ignore', shows, 'inherit'],
  })
  const [output, [status]] = await Promise.all([
    child.stdout === null ? '' : text(child.stdout),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return { status, output }
}
