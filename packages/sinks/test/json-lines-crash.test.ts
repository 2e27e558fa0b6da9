import { Store } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import { expect, it } from 'vitest'
import { runUntil, runWithFullDisk } from './support/program.ts'
import { tempFolder } from './support/temp-folder.ts'

it('loses and repeats no line when it is killed again and again, and started anew', { timeout: 120_000 }, async () => {
  const folder = await tempFolder()
  const total = 2_000
  const args = [folder.file('audit.jsonl'), String(total), '1000000']
  let kills = 0
  for (let lines = 3; ; lines += 7) {
    const { code, signal, err } = await runUntil('line-writer', args, lines)
    expect(err).toBe('')
    if (code === 0) break
    expect(signal).toBe('SIGKILL')
    kills++
  }
  expect(kills).toBeGreaterThanOrEqual(5)
  const names = (await folder.names()).filter((name) => !/\.lane\d$/.test(name))
  expect(names.length).toBeGreaterThan(5)
  expect(names.slice(0, -1).every((name) => name.endsWith('.jsonl.gz'))).toBe(true)
  const lines = (await Promise.all(names.map((name) => folder.lines(name)))).flat()
  expect(lines.map(({ seq }) => seq).toSorted((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, i) => i + 1))
  for (let key = 0; key < 16; key++) {
    const own = lines.filter((line) => line.key[0] === `k${key}`).map(({ seq }) => seq)
    expect(own).toEqual(own.toSorted((a, b) => a - b))
  }
})

it(
  'has every change of a database once when its consumer is killed again and again',
  { timeout: 120_000 },
  async () => {
    const folder = await tempFolder()
    const database = await tempFolder()
    const total = 1_000
    const back = createSqliteBack({ file: database.file('app.db'), synchronous: 'normal' })
    const store = new Store(back)
    await Promise.all(Array.from({ length: total }, (_, i) => store.set(`k${i % 40}`, 'x'.repeat(i % 300))))
    await back.close()
    let kills = 0
    for (let batches = 10; ; batches += 10) {
      const { code, err } = await runUntil(
        'audit-consumer',
        [database.file('app.db'), folder.file('audit.jsonl')],
        batches,
      )
      expect(err).toBe('')
      if (code === 0) break
      kills++
    }
    expect(kills).toBeGreaterThanOrEqual(4)
    const lines = await folder.allLines('audit.jsonl')
    expect(lines.map(({ seq }) => seq).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: total }, (_, i) => i + 1),
    )
    for (let key = 0; key < 40; key++) {
      const own = lines.filter((line) => line.key[0] === `k${key}`).map(({ seq }) => seq)
      expect(own).toEqual(own.toSorted((a, b) => a - b))
    }
  },
)

it('leaves nothing half written on a full disk, and goes on with what fits', async () => {
  const folder = await tempFolder()
  const { code, out, err } = await runWithFullDisk('full-disk', [folder.file('audit.jsonl')], 64)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(JSON.parse(out)).toEqual(['written', true, 2, 'DISK_FULL true', true, 2, 'written', true, 3])
})
