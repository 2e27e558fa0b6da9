import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { type Back, Store } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createTiered } from '../../src/index.ts'
import { refusing } from '../support/refusing.ts'

const PROGRAM = fileURLToPath(new URL('../programs/writes-behind.ts', import.meta.url))

/** Everything is gone with it: nobody's lease is prolonged any more, and this one may end it. */
const gone = { describe: () => ({}), isGone: () => true }

function tempFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-behind-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'store.db')
}

async function run(
  file: string,
  step: number,
  phase: string,
): Promise<{ signal: unknown; acknowledged: number; out: string }> {
  const child = spawn(process.execPath, [PROGRAM, file, String(step), phase], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [[, signal], out, err] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  expect(err).toBe('')
  const acknowledged = out.split('\n').filter((line) => /^\d+$/.test(line)).length
  return { signal: signal as unknown, acknowledged, out }
}

/** The owner's registration, then two rows and two checkpoints per flush, twice, and the end. */
const STEPS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]

test('it takes so many commits', async () => {
  const { signal, out } = await run(tempFile(), 0, 'never')
  expect([signal, out.trim().split('\n').at(-1)]).toEqual([null, `ended after ${STEPS.length}`])
})

test.each(STEPS.flatMap((step) => ['before', 'within', 'after'].map((phase) => [phase, step] as const)))(
  'killed %s commit %i: what was acknowledged is there, once, as a whole, and the next open succeeds',
  async (phase, step) => {
    const file = tempFile()
    const { signal, acknowledged } = await run(file, step, phase)
    const back = createSqliteBack({ file })
    const tiers = createTiered({ back, writeBehind: { presence: gone } })
    await using store = new Store(tiers)
    await tiers.recoverWrites()
    const [a = 0, b = 0] = await Promise.all([store.get<number>(['pair', 'a']), store.get<number>(['pair', 'b'])])
    const each = await Array.fromAsync(store.entries<number>({ prefix: 'each' }), ({ value }) => value)
    // One that was not acknowledged may be there, or not.
    expect([acknowledged, acknowledged + 1]).toContain(a)
    expect([b, each]).toEqual([a, Array.from({ length: a }, (_, i) => i + 1)])
    const checkpoint = ((await tiers.lastCheckpoint('')) as number | undefined) ?? 0
    expect(checkpoint).toBeLessThanOrEqual(a)
    expect(checkpoint).toBeGreaterThanOrEqual(acknowledged - 1)
    // What is recovered is not written again.
    const { changes } = await back.log.read({ after: 0, limit: 100 })
    expect(changes.filter(({ key }) => key.id.includes('each')).length).toBe(a)
    const head = await back.log.head()
    await tiers.recoverWrites()
    expect([await back.log.head(), signal === 'SIGKILL' || step > 10]).toEqual([head, true])
  },
)

describe('who recovers what one has left behind that was killed, of which one write is refused for good', () => {
  const RECOVERS = fileURLToPath(new URL('../programs/recovers-behind.ts', import.meta.url))

  async function recover(file: string, step: string, phase = ''): Promise<string> {
    const child = spawn(process.execPath, [RECOVERS, file, step, phase], { stdio: ['ignore', 'pipe', 'pipe'] })
    const [, out, err] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
    expect(err).toBe('')
    return out.trim()
  }

  const COMMITS = [1, 2, 3]

  test('takes so many commits', async () => {
    const file = tempFile()
    await recover(file, 'leave')
    expect(await recover(file, '0')).toBe(String(COMMITS.length))
  })

  test.each(COMMITS.flatMap((step) => ['before', 'within', 'after'].map((phase) => [phase, step] as const)))(
    'and is killed %s commit %i: everything is committed once, and the refused write is one dead letter',
    async (phase, step) => {
      const file = tempFile()
      await recover(file, 'leave')
      expect(await recover(file, String(step), phase)).toBe('')
      const back = createSqliteBack({ file })
      back.commit = refusing(back, 'bad')
      const errors: unknown[] = []
      const tiers = createTiered({
        back,
        writeBehind: { leaseMs: 100, presence: gone },
        onError: (error) => errors.push(error),
      })
      await using store = new Store(tiers)
      // The one that was killed held a lease.
      await expect.poll(() => tiers.recoverWrites().then(() => marksOf(back, 'owner')), { timeout: 10_000 }).toBe(0)
      const { changes } = await back.log.read({ after: 0, limit: 100 })
      expect(changes.map(({ key }) => key.tuple[1])).toEqual([1, 2, 3, 4])
      const letters = await Array.fromAsync(tiers.deadLetters(), ({ writes }) => writes.map(({ key }) => key[0]))
      expect([letters, await tiers.lastCheckpoint(''), await marksOf(back, 'row')]).toEqual([[['bad']], 4, 0])
      expect(await store.get(['k', 4])).toBe(4)
    },
  )
})

async function marksOf({ marks }: Back, kind: string): Promise<number> {
  const found = await marks.scan({ start: new Uint8Array(), end: undefined }, { after: undefined, limit: 100 })
  return found.filter(({ key }) => key.tuple[3] === kind).length
}
