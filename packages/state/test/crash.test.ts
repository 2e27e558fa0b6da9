import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Store } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import { expect, test } from 'vitest'
import { prevalent, states, type Transaction } from '../src/index.ts'
import { killed } from './support/killed.ts'
import { tempFile } from './support/temp.ts'

// Starting a dozen processes takes a busy machine a while.
const timeout = 120_000

test(
  'kill -9 at any step of an execute or a snapshot: what was acknowledged is there, nothing partial, the next open succeeds',
  { timeout },
  async () => {
    const file = tempFile()
    const acknowledged = new Map<number, number>()
    let snapshot = 0
    for (let round = 0; round < 8; round++) {
      // Some of them are killed in the middle of their first snapshot, or of opening.
      const lines = await killed('executing', [file], [2, 30, 100, 300, 1_000, 60, 500, 200][round]!)
      for (const line of lines) {
        const [lane, n] = line.split(' ').map(Number)
        if (!line.startsWith('ready')) acknowledged.set(lane!, n!)
      }
      const back = createSqliteBack({ file })
      const counted = ({ state }: Transaction<{ lanes: Map<number, number>; total: number }>, lane: number) => {
        const n = (state.lanes.get(lane) ?? 0) + 1
        state.lanes.set(lane, n)
        state.total++
        return n
      }
      const db = await prevalent({
        store: new Store(back),
        name: 'counts',
        initial: { lanes: new Map<number, number>(), total: 0 },
        transactions: { count: counted },
        leaseMs: 600,
      })
      const { lanes, total } = db.state
      expect(db.recovery.dropped).toEqual([])
      for (const [lane, n] of acknowledged) expect(lanes.get(lane)).toBeGreaterThanOrEqual(n)
      expect([...lanes.values()].reduce((sum, n) => sum + n, 0)).toBe(total)
      expect(db.number).toBe(total)
      expect(db.recovery.snapshot).toBeGreaterThanOrEqual(snapshot)
      snapshot = db.recovery.snapshot
      await db.close()
      await back.close()
    }
    expect([acknowledged.size, snapshot > 0]).toEqual([8, true])
  },
)

test(
  'kill -9 at any step of a saveAll: the states are those of one save, and of the last acknowledged one or a later',
  { timeout },
  async () => {
    const file = tempFile()
    let acknowledged = 0
    for (let round = 0; round < 6; round++) {
      for (const line of await killed('saving', [file], [1, 2, 20, 50, 5, 100][round]!)) {
        if (line !== 'ready') acknowledged = Number(line)
      }
      const back = createSqliteBack({ file })
      const app = await states(new Store(back))
      const count = app.define('count', 0).value
      const twice = app.define('twice', { n: 0 }).value
      expect(count).toBeGreaterThanOrEqual(acknowledged)
      expect(twice.n).toBe(2 * count)
      for (const { number } of await app.saves()) {
        await app.restore(number)
        expect(app.define('twice', { n: 0 }).value.n).toBe(2 * app.define('count', 0).value)
      }
      await back.close()
    }
    expect(acknowledged).toBeGreaterThan(0)
  },
)

test(
  'a file that cannot grow is a typed error, memory is unchanged, and what fits is written afterwards',
  { timeout },
  async () => {
    // `sh` counts in blocks of 512 bytes, and where it is bash, in posix mode.
    const program = fileURLToPath(new URL('programs/full-file.ts', import.meta.url))
    const run = spawnSync('sh', ['-c', 'ulimit -f 400; exec "$@"', 'sh', process.execPath, program, tempFile()], {
      encoding: 'utf8',
    })
    expect({ status: run.status, stderr: run.stderr }).toEqual({ status: 0, stderr: '' })
    // What the system calls too large a file, SQLite calls an error of input and output.
    const refused = ['IO false', true]
    expect(JSON.parse(run.stdout)).toEqual(['done', ...refused, ...refused, 400_000, 'done', 'done', [1_000, 10]])
  },
)
