import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/** Runs a program of `programs` in a process of its own, to its end. */
async function run(name: string, ...args: string[]): Promise<{ code: unknown; out: string; err: string }> {
  const program = fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [[code], out, err] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  return { code, out, err }
}

test('a process survives subscribers of tierEvents$ and warm() that throw, and onError is told', async () => {
  const { code, out, err } = await run('throwing-subscribers')
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out.trim().split('\n')).toEqual(["events true true Set(1) { 'boom' }", "warm [ 'boom' ]", 'closed 1'])
})

// What it waits for has timers that keep no process alive: without a reason to stay, it would end in the middle.
test.each([
  ['a load that hangs', 'load', 'LOAD_TIMEOUT'],
  ['what a load that hangs brings instead', 'stale load', 'last'],
  ['a stuck hook while the store closes', 'close', 'closed'],
  ['a relayed log', 'reader', 'FRONT_UNAVAILABLE'],
  ['one relayed log', 'reader of a log', 'FRONT_UNAVAILABLE'],
  ['Redis, to have a front dropped', 'drop', 'FRONT_UNAVAILABLE'],
  ['Redis, to take a write', 'journal', 'FRONT_UNAVAILABLE'],
  ['a front', 'front', 'FRONT_UNAVAILABLE'],
])('a process that only waits for %s lives until it knows', async (_, what, says) => {
  const { code, out, err } = await run('only-waits', what)
  expect({ code, out: out.trim(), err }).toEqual({ code: 0, out: says, err: '' })
})
