import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Store } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import { expect, test } from 'vitest'
import { KEY_1, KEY_2, packed } from './support/keys.ts'
import { tempFile } from './support/temp.ts'

const PROGRAM = fileURLToPath(new URL('programs/rewriter.ts', import.meta.url))
const VALUES = 300

/** Kills it when it has said so many lines. @returns the lines */
async function runUntil(file: string, first: number, lines: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [PROGRAM, file, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const said: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line)
    if (said.length >= lines) child.kill('SIGKILL')
  }
  await closed
  return said
}

test(
  'a rewrite that is killed at any step loses nothing, and is done by the next one',
  { timeout: 120_000 },
  async () => {
    const file = tempFile()
    const valueOf = (i: number): unknown => ({ i, text: 'some text, again and '.repeat(i % 40) })
    const first = new Store(createSqliteBack({ file, codec: packed() }))
    for (let i = 0; i < VALUES; i++) await first.set(['n', i], valueOf(i), { meta: { i } })
    await first.close()
    let written = 0
    for (let kill = 0; kill < 8; kill++) {
      const said = await runUntil(file, written + 1, 3 + kill * 5)
      expect(said.every((line) => line.endsWith(' 0'))).toBe(true)
      written = Math.max(written, ...said.map((line) => Number(line.split(' ')[0])))
      const store = new Store(createSqliteBack({ file, codec: packed('zstd', { keys: [KEY_1, KEY_2], current: 2 }) }))
      for (let i = 0; i < VALUES; i++) {
        const entry = await store.entry(['n', i])
        expect([entry?.value, entry?.meta, entry?.version]).toEqual([valueOf(i), { i }, i + 1])
      }
      expect(await store.get(['written', written])).toBe(written)
      await store.close()
    }
    const last = new Store(createSqliteBack({ file, codec: packed('zstd', { keys: [KEY_1, KEY_2], current: 2 }) }))
    expect(await last.rewrite()).toMatchObject({ failed: 0 })
    await last.close()
    const after = new Store(createSqliteBack({ file, codec: packed('zstd', { keys: [KEY_2], current: 2 }) }))
    expect(await Array.fromAsync(after.entries({ prefix: ['n'] }), ({ value }) => value)).toEqual(
      Array.from({ length: VALUES }, (_, i) => valueOf(i)),
    )
    await after.close()
  },
)
