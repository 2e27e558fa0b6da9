import { createRequire } from 'node:module'
import { StoreKey, systemClock } from '@tidemark/core'
import type BetterSqlite3 from 'better-sqlite3'
import { expect, test } from 'vitest'
import { createSqliteBack } from '../src/index.ts'
import { startChild } from './support/children.ts'
import { openTemp, tempFile } from './support/temp.ts'

const Database = createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite3

/** Replays the log over an empty map, and checks that seqs are dense and commits whole on the way. */
async function replay(file: string): Promise<{ values: Map<string, [number, unknown]>; changes: Map<number, string> }> {
  const back = createSqliteBack({ file })
  const values = new Map<string, [number, unknown]>()
  const changes = new Map<number, string>()
  for (let after = 0; ;) {
    const page = await back.log.read({ after, limit: 1000 })
    for (const { seq, op, key, prevVersion, payload } of page.changes) {
      expect(seq).toBe(after + 1)
      expect(prevVersion).toBe(values.get(key.id)?.[0] ?? 0)
      after = seq
      const value = payload?.read()
      changes.set(seq, `${key.id} ${op === 'set' ? String(value) : 'deleted'}`)
      if (op === 'set') values.set(key.id, [seq, value])
      else values.delete(key.id)
    }
    if (page.changes.length === 0) break
  }
  const { entries } = await back.scan(
    { start: new Uint8Array(), end: undefined },
    { after: undefined, limit: 1_000_000, reverse: false },
  )
  const table = new Map(entries.map(({ key, version, payload }) => [key.id, [version, payload.read()]]))
  expect(table).toEqual(values)
  await back.close()
  return { values, changes }
}

// Starting a dozen processes takes a busy machine a while.
const timeout = 120_000

test(
  'after kill -9 every acknowledged write is there with its change, and the values are what the log says',
  { timeout },
  async () => {
    const file = tempFile()
    let acknowledged = 0
    const seen = new Map<number, string>()
    for (let round = 0; round < 6; round++) {
      const children = ['one', 'two']
        .slice(0, 1 + (round % 2))
        .map((name) => startChild('write-until-killed.ts', [file, name]))
      await Promise.all(children.map((child) => child.printed('ready')))
      // Some acknowledgements in, then at a moment of chance.
      for (const child of children) {
        while (child.lines.length < 20) await new Promise((resolve) => child.process.stdout!.once('data', resolve))
      }
      const chance = performance.now() + Math.random() * 40
      while (performance.now() < chance) await new Promise((resolve) => setImmediate(resolve))
      for (const child of children) child.process.kill('SIGKILL')
      for (const child of children) {
        await child.exited
        for (const line of child.lines) {
          const match = /^(\d+) (.*)$/.exec(line)
          // The last line may be cut off.
          if (match !== null && line !== child.lines.at(-1)) seen.set(Number(match[1]), match[2]!)
        }
      }
      const { changes } = await replay(file)
      for (const [version, what] of seen) expect(changes.get(version)).toBe(what)
      expect(seen.size).toBeGreaterThan(acknowledged)
      acknowledged = seen.size
    }
    const db = new Database(file)
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
    db.close()
  },
)

test(
  'after kill -9 a mark and what was written with it are both there or neither, and the log is dense above its floor',
  { timeout },
  async () => {
    const file = tempFile()
    const acknowledged = new Map<number, number>()
    let floor = 0
    for (let round = 0; round < 5; round++) {
      const child = startChild('mark-until-killed.ts', [file])
      await child.printed('ready')
      while (child.lines.length < 100) await new Promise((resolve) => child.process.stdout!.once('data', resolve))
      const chance = performance.now() + Math.random() * 40
      while (performance.now() < chance) await new Promise((resolve) => setImmediate(resolve))
      child.process.kill('SIGKILL')
      await child.exited
      // The last line may be cut off.
      for (const line of child.lines.slice(1, -1)) {
        const [lane, n] = line.split(' ').map(Number)
        acknowledged.set(lane!, n!)
      }
      const back = createSqliteBack({ file })
      for (const [lane, n] of acknowledged) {
        const key = StoreKey.of(['lane', lane])
        const [mark] = await back.marks.read([key])
        const { entry } = back.readOne(key)
        expect(mark!.read()).toBe(entry!.payload.read())
        expect(mark!.read()).toBeGreaterThanOrEqual(n)
        // Kept, wherever the floor is.
        expect((await back.log.at([entry!.version]))[0]!.payload!.read()).toBe(mark!.read())
      }
      const [before, head] = [floor, await back.log.head()]
      floor = await back.log.floor()
      expect(floor).toBeGreaterThan(before)
      const { changes } = await back.log.read({ after: floor, limit: 1_000_000 })
      expect(changes.map(({ seq }) => seq)).toEqual(Array.from({ length: head - floor }, (_, i) => floor + i + 1))
      await back.close()
    }
    expect(acknowledged.size).toBe(16)
    const db = new Database(file)
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
    db.close()
  },
)

test(
  'four processes count in one file: no increment is lost, seqs are dense, each follows every change in order',
  { timeout },
  async () => {
    const file = tempFile()
    const writes = 250
    const children = Array.from({ length: 4 }, () => startChild('count.ts', [file, String(writes), String(4 * writes)]))
    await Promise.all(children.map((child) => child.printed('ready')))
    for (const child of children) child.process.stdin!.write('go\n')
    for (const child of children) {
      expect(JSON.parse((await child.result())!)).toEqual({ own: writes, inOrder: true, followed: 4 * writes })
    }
    const { values, changes } = await replay(file)
    expect(changes.size).toBe(4 * writes)
    expect([...values.values()].map(([, value]) => value)).toEqual(Array.from({ length: 5 }, () => (4 * writes) / 5))
  },
)

test('a lease whose holder was killed is taken over after its time, by exactly one', { timeout }, async () => {
  const file = tempFile()
  const holder = startChild('hold-lease.ts', [file, 'k'])
  await holder.printed('holding')
  holder.process.kill('SIGKILL')
  await holder.exited
  const token = Number(holder.lines[0])
  let ahead = 0
  const clock = { ...systemClock, now: () => systemClock.now() + ahead }
  const backs = [openTemp({ file, clock }), openTemp({ file, clock })]
  const key = StoreKey.of('k')
  const ask = async (): Promise<unknown[]> => {
    const grants = await Promise.all(backs.map((back) => back.leases.acquire(key, 60_000)))
    return grants.flatMap(({ lease }) => lease?.token ?? [])
  }
  expect(await ask()).toEqual([])
  ahead = 60_000
  expect(await ask()).toEqual([token + 1])
})
