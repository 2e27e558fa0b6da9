import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { ManualClock } from '@tidemark/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Fleet, type Instance, keyOf } from './support/fleet.ts'

const PROGRAM = fileURLToPath(new URL('programs/die-after-commit.ts', import.meta.url))

/** Another process commits, and is gone before it has told anybody. */
async function writeAndDie({ file }: Fleet, key: string, value: string): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, file, key, value], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [[code, signal], out, err] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  expect({ code: code as unknown, signal: signal as unknown, out, err }).toEqual({
    code: null,
    signal: 'SIGKILL',
    out: '',
    err: '',
  })
}

/** Without asking the log. */
function heldBy({ tiers }: Instance, key: string): unknown {
  return tiers.peek(keyOf(key).id)?.entry?.payload.read()
}

describe('a writer without Redis that is killed after its commit', () => {
  test('strict near memory: the next read of anybody else sees the write', async () => {
    const fleet = new Fleet()
    const [other, reader] = await Promise.all([fleet.open(), fleet.open({ near: true, deaf: true })])
    await other.store.setMany([
      ['k', 'old'],
      ['n', 'old'],
    ])
    expect([await reader.store.get('k'), await reader.store.get('n')]).toEqual(['old', 'old'])
    await writeAndDie(fleet, 'k', 'new')
    expect(heldBy(reader, 'k')).toBe('old')
    expect(await reader.store.get('k')).toBe('new')
    await writeAndDie(fleet, 'n', 'new')
    expect(heldBy(reader, 'n')).toBe('old')
    expect((await reader.store.getMany(['k', 'n'])).get('n')).toBe('new')
  })

  test('near memory with a bound: when that is over, every read sees the write', async () => {
    const fleet = new Fleet()
    const clock = new ManualClock()
    const reader = await fleet.open({ near: { clock }, deaf: true, nearMaxStaleMs: 100, clock })
    const other = await fleet.open()
    await other.store.set('k', 'old')
    expect(await reader.store.get('k')).toBe('old')
    await writeAndDie(fleet, 'k', 'new')
    clock.advance(99)
    expect(await reader.store.get('k')).toBe('old')
    clock.advance(1)
    expect(await reader.store.get('k')).toBe('new')
  })
})
