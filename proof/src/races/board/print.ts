import type { Cell, Row, Scoreboard } from './scoreboard.ts'

const MARK = { holds: 'holds', fails: 'FAILS', 'n/a': 'n/a', error: 'error' } as const

/** One row with all that was observed, for the terminal. */
export function rowText({ row, name, what, cells }: Row): string {
  const lines = cells.map(({ product, outcome }) => {
    const words = 'words' in outcome ? ` (${outcome.words})` : ''
    return `    ${product.padEnd(15)} ${MARK[outcome.kind]}${words}`
  })
  return [`${String(row).padStart(2)}  ${name}: ${what}`, ...lines].join('\n')
}

/** Rows × products, and how many rows each one holds. */
export function tableText({ products, rows, date, node }: Scoreboard): string {
  const width = Math.max(...rows.map(({ name }) => name.length))
  const columns = products.map(({ name, version }) => `${name} ${version}`)
  const line = (first: string, rest: readonly string[]): string =>
    [first.padEnd(width + 4), ...rest.map((text, i) => text.padEnd(columns[i]!.length))].join('  ').trimEnd()
  return [
    line('', columns),
    ...rows.map(({ row, name, cells }) =>
      line(
        `${String(row).padStart(2)}  ${name}`,
        cells.slice(0, products.length).map(({ outcome }) => MARK[outcome.kind]),
      ),
    ),
    line(
      '    holds of what applies',
      products.map(({ name }) => tally(rows, name)),
    ),
    '',
    `${date}, Node.js ${node}`,
  ].join('\n')
}

/** As the README has it: what was observed stands below the table. */
export function markdown({ products, rows, date, node }: Scoreboard): string {
  const cells = (row: Row): string[] => row.cells.slice(0, products.length).map(({ outcome }) => SIGN[outcome.kind])
  return [
    `| | race | ${products.map(({ name, version }) => `${name} ${version}`).join(' | ')} |`,
    `|---:|---|${products.map(() => ':---:|').join('')}`,
    ...rows.map((row) => `| ${row.row} | ${row.name} | ${cells(row).join(' | ')} |`),
    `| | **held, of those that apply** | ${products.map(({ name }) => `**${tally(rows, name)}**`).join(' | ')} |`,
    '',
    `✓ holds, ✗ fails, – the product has no such feature. \`npm run races\`, ${date}, Node.js ${node}. What was observed:`,
    '',
    ...rows.flatMap(observations),
  ].join('\n')
}

const SIGN = { holds: '✓', fails: '✗', 'n/a': '–', error: '?' } as const

function observations({ row, what, note, cells }: Row): string[] {
  const told = cells.filter(({ outcome }) => outcome.kind !== 'holds').map(observation)
  return told.length === 0 ? [] : [`- **${row}** ${what} ${told.join('; ')}.${note === undefined ? '' : ` (${note})`}`]
}

function observation({ product, outcome }: Cell): string {
  const words = 'words' in outcome ? outcome.words : ''
  return outcome.kind === 'fails' ? `*${product}* ${words}` : `*${product}* ${outcome.kind}, ${words}`
}

function tally(rows: readonly Row[], name: string): string {
  const outcomes = rows.flatMap(({ cells }) => cells.filter(({ product }) => product === name))
  const applying = outcomes.filter(({ outcome }) => outcome.kind !== 'n/a')
  return `${applying.filter(({ outcome }) => outcome.kind === 'holds').length}/${applying.length}`
}
