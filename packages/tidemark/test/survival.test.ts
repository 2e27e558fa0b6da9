import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

test('a process survives subscribers of tierEvents$ and warm() that throw, and onError is told', async () => {
  const program = fileURLToPath(new URL('programs/throwing-subscribers.ts', import.meta.url))
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [[code], out, err] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out.trim().split('\n')).toEqual(["events true true Set(1) { 'boom' }", "warm [ 'boom' ]", 'closed 1'])
})
