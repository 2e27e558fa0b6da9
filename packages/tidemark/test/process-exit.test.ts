import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const program = fileURLToPath(new URL('programs/saved-at-exit.ts', import.meta.url))

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  'on %s all tasks are done, then the process ends by it',
  async (name) => {
    const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.once('data', () => child.kill(name))
    const [[code, signal], out, err] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
    expect({ code, signal, out, err }).toEqual({ code: null, signal: name, out: 'ready\nfails\nsaved\n', err: '' })
  },
)

test('when nothing is left to do all tasks are done once, and the process ends', async () => {
  const child = spawn(process.execPath, [program, 'ends'], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [[code], out, err] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  expect({ code, out, err }).toEqual({ code: 0, out: 'ready\nfails\nsaved\n', err: '' })
})
