import { expect, test } from 'vitest'
import { runCell } from '../src/races/board/run-cell.ts'
import { markdown } from '../src/races/board/print.ts'
import { runScoreboard } from '../src/races/board/scoreboard.ts'
import { NoRace } from '../src/races/no-race.ts'
import { HOLDS } from '../src/races/outcome.ts'
import { PRODUCTS } from '../src/races/products/products.ts'
import type { Scenario } from '../src/races/scenario.ts'
import { SCENARIOS } from '../src/races/scenarios/scenarios.ts'

const [tidemark] = PRODUCTS
const withRun = (run: Scenario['run']): Scenario => ({ ...SCENARIOS[0]!, needs: [], run })

test('the rows are 1 to 20, each once', () => {
  expect(SCENARIOS.map(({ row }) => row)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
})

test('Tidemark holds where a peer fails, in three of the races', async () => {
  const rows = [2, 6, 12]
  const board = await runScoreboard(
    SCENARIOS.filter(({ row }) => rows.includes(row)),
    PRODUCTS,
  )
  expect(board.rows.map(({ row }) => row)).toEqual(rows)
  for (const { cells } of board.rows) {
    const kinds = cells.map(({ outcome }) => outcome.kind)
    expect(cells[0]).toMatchObject({ product: 'Tidemark', outcome: HOLDS })
    expect(kinds).not.toContain('error')
    // A race that nobody loses may not have been one.
    expect(kinds).toContain('fails')
  }
  expect(markdown(board)).toContain('| 12 | `0`, `false` and `""` in the shared tier | ✓ | ✓ | ✗ | ✓ | ✓ |')
})

test('a race that did not come about is run again, and is never a verdict', async () => {
  let runs = 0
  const late = withRun(async () => {
    runs++
    throw new NoRace('too late')
  })
  expect(await runCell(late, tidemark!)).toEqual({ kind: 'error', words: 'NoRace: too late' })
  expect(runs).toBe(3)
  runs = 0
  const second = withRun(async () => {
    if (++runs < 2) throw new NoRace('too late')
    return HOLDS
  })
  expect(await runCell(second, tidemark!)).toEqual(HOLDS)
})

test('a race that breaks says nothing about the product', async () => {
  const broken = withRun(async () => {
    throw new Error('broken')
  })
  expect(await runCell(broken, tidemark!)).toEqual({ kind: 'error', words: 'Error: broken' })
})

test('what a product lacks is n/a, with the reason', async () => {
  const race = { ...withRun(async () => HOLDS), needs: ['cluster'] } as const
  expect(await runCell(race, tidemark!)).toEqual({ kind: 'n/a', words: tidemark!.lacks.cluster })
})
