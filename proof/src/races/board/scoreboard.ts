import type { RaceProduct } from '@tidemark/bench-peers/races/race-cache'
import type { Outcome } from '../outcome.ts'
import { GUESTS } from '../products/products.ts'
import type { Scenario } from '../scenario.ts'
import { runCell } from './run-cell.ts'

export interface Cell {
  readonly product: string
  readonly version: string
  readonly outcome: Outcome
}

export interface Row {
  readonly row: number
  readonly name: string
  readonly what: string
  readonly seenIn: string
  readonly note: string | undefined
  /** In the order of the products, then the guests of the row. */
  readonly cells: readonly Cell[]
}

export interface Scoreboard {
  readonly date: string
  readonly node: string
  readonly products: readonly { readonly name: string; readonly version: string }[]
  readonly rows: readonly Row[]
}

/** Runs the races one after the other: each has the machine to itself. */
export async function runScoreboard(
  scenarios: readonly Scenario[],
  products: readonly RaceProduct[],
  onRow: (row: Row) => void = () => {},
): Promise<Scoreboard> {
  const rows: Row[] = []
  for (const scenario of scenarios) {
    const { row, name, what, seenIn, note, also = [] } = scenario
    const cells: Cell[] = []
    for (const product of [...products, ...also.map((guest) => GUESTS[guest])]) {
      cells.push({ product: product.name, version: product.version, outcome: await runCell(scenario, product) })
    }
    const done = { row, name, what, seenIn, note, cells }
    rows.push(done)
    onRow(done)
  }
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    products: products.map(({ name, version }) => ({ name, version })),
    rows,
  }
}
