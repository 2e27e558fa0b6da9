import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Report } from '../src/runner/report.ts'
import { PIECE_BYTES, PieceCheck, piecesOf } from '../src/workload/pieces.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** A quick run of one case, in which nobody may fail: each contender checks that what it stored is all there. */
function quick(name: string): Report['cases'][number]['contenders'] {
  const args = [MAIN, '--quick', '--rounds', '1', '--case', name, '--json']
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(/FAILED.*/.exec(stderr)?.[0]).toBeUndefined()
  return (JSON.parse(stdout) as Report).cases[0]!.contenders
}

test('append-128: every append is in its log', { timeout: 120_000 }, () => {
  expect(quick('append-128').map(({ name }) => name)).toEqual([
    'tidemark',
    'tidemark-1000-logs',
    'sqlite-group-commit',
    'sqlite-group-commit-1000-logs',
    'array-of-1000',
  ])
})

test('log-read: every element comes once', { timeout: 120_000 }, () => {
  expect(quick('log-read')).toHaveLength(2)
})

test.each(['blob-write', 'blob-read'])('%s: the bytes are those that were written', { timeout: 120_000 }, (name) => {
  const contenders = quick(name)
  expect(contenders.map((each) => each.name)).toEqual(['tidemark', 'sqlite-chunks', 'file'])
  for (const { notes } of contenders) expect(notes['peak RSS growth, MB']).toEqual(expect.any(Number))
})

test('pieces are told apart, wherever they are cut; a missing or a repeated one is found', async () => {
  const pieces = (await Array.fromAsync(piecesOf(3), (piece) => piece.slice())).flatMap((piece) => [
    piece.subarray(0, 100),
    piece.subarray(100),
  ])
  const checked = (parts: readonly Uint8Array[]): PieceCheck => {
    const check = new PieceCheck()
    for (const part of parts) check.take(part)
    return check
  }
  checked(pieces).assertWhole(3)
  const whole = new Uint8Array(3 * PIECE_BYTES)
  pieces.reduce((at, piece) => (whole.set(piece, at), at + piece.length), 0)
  checked([whole]).assertWhole(3)
  expect(() => checked(pieces.slice(0, 4)).assertWhole(3)).toThrow(/bytes came back/)
  expect(() => checked([...pieces.slice(0, 2), ...pieces.slice(0, 4)]).assertWhole(3)).toThrow(/piece 1 begins/)
})
