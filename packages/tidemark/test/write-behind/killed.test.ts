import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { open } from '../../src/index.ts'
import { tempFile } from '../support/temp.ts'

const PROGRAM = fileURLToPath(new URL('../programs/writes-behind.ts', import.meta.url))

async function writeAndDie(file: string, count: number): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, file, String(count)], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [[, signal], out, err] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  expect({ signal: signal as unknown, out, err }).toEqual({ signal: 'SIGKILL', out: '0\n', err: '' })
}

test('what was acknowledged by a process that was killed is there when the store is opened again', async () => {
  const file = tempFile()
  await writeAndDie(file, 20)
  await using store = await open({ file })
  const keys = await Array.fromAsync(store.entries({ prefix: 'key' }), ({ value }) => value)
  expect(keys).toEqual([14, 15, 16, 17, 18, 19, 20])
  expect(
    await store
      .getMany([
        ['pair', 1],
        ['pair', 2],
      ])
      .then((found) => [...found.values()]),
  ).toEqual([20, 20])
  expect(await store.lastCheckpoint()).toEqual({ at: 20 })
  // One commit, the latest of each key.
  for await (const { changes } of store.changes({ from: 'start' })) {
    expect(changes.map(({ txn }) => [txn.first, txn.last])).toEqual(Array.from({ length: 9 }, () => [1, 9]))
    break
  }
})

test('and once: it is not written again when the store is opened a third time', async () => {
  const file = tempFile()
  await writeAndDie(file, 3)
  await using store = await open({ file })
  await store.set(['key', 1], 'newer')
  const head = await store.head()
  await using again = await open({ file })
  expect([await again.get(['key', 1]), await again.head()]).toEqual(['newer', head])
})
