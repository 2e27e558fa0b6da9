import { once } from 'node:events'
import { expect, test } from 'vitest'
import type { SqliteBack } from '../src/index.ts'
import { startChild } from './support/children.ts'
import { openTemp, tempFile } from './support/temp.ts'

/** Every change of the log, as its writer printed it. Fails where a seq is missing. */
async function changesOf(back: SqliteBack): Promise<ReadonlyMap<number, string>> {
  const changes = new Map<number, string>()
  for (let after = 0; ;) {
    const page = await back.log.read({ after, limit: 1_000 })
    for (const { seq, op, key, payload } of page.changes) {
      expect(seq).toBe(++after)
      changes.set(seq, `${key.id} ${op === 'set' ? String(payload?.read()) : 'deleted'}`)
    }
    if (page.changes.length === 0) return changes
  }
}

test(
  'with commits that are not synced, kill -9 takes back nothing that was acknowledged',
  { timeout: 120_000 },
  async () => {
    const file = tempFile()
    const acknowledged = new Map<number, string>()
    for (let round = 0; round < 3; round++) {
      const children = ['one', 'two'].map((name) => startChild('write-until-killed.ts', [file, name, 'normal']))
      for (const child of children) {
        await child.printed('ready')
        while (child.lines.length < 200) await once(child.process.stdout!, 'data')
      }
      for (const child of children) child.process.kill('SIGKILL')
      for (const child of children) {
        await child.exited
        // The last line may be cut off.
        for (const line of child.lines.slice(1, -1)) {
          const [, version, what] = /^(\d+) (.*)$/.exec(line)!
          acknowledged.set(Number(version), what!)
        }
      }
      const back = openTemp({ file, synchronous: 'normal' })
      const changes = await changesOf(back)
      for (const [version, what] of acknowledged) expect(changes.get(version)).toBe(what)
      // What the log says last of each key is what the key holds.
      const last = new Map([...changes.values()].map((what) => what.split(' ') as [string, string]))
      const { entries } = await back.scan(
        { start: new Uint8Array(), end: undefined },
        { after: undefined, limit: 1_000, reverse: false },
      )
      const held = new Map(entries.map(({ key, payload }) => [key.id, String(payload.read())]))
      for (const [id, value] of last) expect(held.get(id) ?? 'deleted').toBe(value)
      await back.close()
    }
    expect(acknowledged.size).toBeGreaterThan(1_000)
  },
)
