import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { FileConnector } from '../support/file-connector.ts'
import { buffered, open } from '../../src/index.ts'
import { tempFile } from '../support/temp.ts'

const PROGRAM = fileURLToPath(new URL('../programs/buffers-and-dies.ts', import.meta.url))

async function run(
  folder: string,
  step: number,
): Promise<{ readonly signal: unknown; readonly lines: readonly string[] }> {
  const child = spawn(process.execPath, [PROGRAM, folder, String(step)], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [[, signal], out, err] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  expect(err).toBe('')
  return { signal: signal as unknown, lines: out.trim().split('\n') }
}

/** Three flushes, the copy of the migration, its checkpoint, and the last flush: before and after each. */
const STEPS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]

test('it takes so many steps', async () => {
  const { lines } = await run(dirname(tempFile()), 0)
  expect(lines.at(-1)).toBe(`ended after ${STEPS.length}`)
})

test.each(STEPS)(
  'killed at step %i of flushing and migrating: what was acknowledged is there, and the next open succeeds',
  async (step) => {
    const folder = dirname(tempFile())
    const { signal, lines } = await run(folder, step)
    expect(signal).toBe('SIGKILL')
    const acknowledged = Number(lines.at(-1))
    await using store = await open({ file: `${folder}/journal.db` })
    // Until the migration is over, the old one is in use; what was written after it went to the new one.
    const isMoved = acknowledged === 4
    const file = new FileConnector(`${folder}/${isMoved ? 'b' : 'a'}.json`)
    await using buffer = await buffered(file, { journal: store, name: 'numbers' })
    expect(await buffer.get('x')).toBe(acknowledged)
    const each = await buffer.getMany([1, 2, 3].map((i) => ['each', i]))
    expect(each).toEqual([1, 2, 3].map((i) => (i <= acknowledged ? i : undefined)))
    if (isMoved) return
    expect(await buffer.lastCheckpoint()).toBe(acknowledged)
    const b = new FileConnector(`${folder}/b.json`)
    await buffer.migrate({ from: file.id, to: b, all: ['x', ['each', 1], ['each', 2], ['each', 3]] })
    expect([await buffer.get('x'), (await b.read([{ key: ['x'], args: ['x'] }]))[0]]).toEqual([
      acknowledged,
      acknowledged,
    ])
  },
)
