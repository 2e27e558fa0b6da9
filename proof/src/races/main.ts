import { parseArgs } from 'node:util'
import { markdown, rowText, tableText } from './board/print.ts'
import { runScoreboard } from './board/scoreboard.ts'
import { PRODUCTS } from './products/products.ts'
import { SCENARIOS } from './scenarios/scenarios.ts'

const USAGE = `usage: npm run races -- [--row N]... [--json | --markdown]
Runs known bugs of caches as races over Tidemark and its peers. Fails when Tidemark fails one.`

const code = await main()
// Clients of peers that nobody can close go on trying to connect, and would keep this process alive.
process.stdout.write('', () => process.exit(code))

async function main(): Promise<number> {
  const values = flags()
  if (values === undefined) return 2
  if (values.help) return say(USAGE)
  const wanted = values.row.map(Number)
  const unknown = values.row.find((row) => !SCENARIOS.some((scenario) => scenario.row === Number(row)))
  if (unknown !== undefined) {
    console.error(`there is no row ${unknown}\n${USAGE}`)
    return 2
  }
  const scenarios = SCENARIOS.filter(({ row }) => wanted.length === 0 || wanted.includes(row))
  const board = await runScoreboard(scenarios, PRODUCTS, (row) => console.error(rowText(row)))
  if (values.json) say(JSON.stringify(board, undefined, 2))
  else if (values.markdown) say(markdown(board))
  else say(`\n${tableText(board)}`)
  const [first] = PRODUCTS
  const holds = board.rows.every(({ cells }) =>
    cells.every(({ product, outcome }) => product !== first!.name || ['holds', 'n/a'].includes(outcome.kind)),
  )
  return holds ? 0 : 1
}

function flags() {
  try {
    const { values } = parseArgs({
      options: {
        row: { type: 'string', multiple: true, default: [] },
        json: { type: 'boolean', default: false },
        markdown: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    return values
  } catch (error) {
    console.error(`${(error as Error).message}\n(--help shows what there is)`)
    return undefined
  }
}

function say(text: string): 0 {
  console.log(text)
  return 0
}
