import { styleText } from 'node:util'

export interface Table {
  readonly header: readonly string[]
  readonly rows: readonly { readonly cells: readonly string[]; readonly isBad: boolean }[]
  readonly footer: readonly string[]
}

/** Lines of exactly `width` columns: the first column takes what the others leave, and these are aligned to the right. */
export function renderTable({ header, rows, footer }: Table, width: number): readonly string[] {
  const all = [header, ...rows.map(({ cells }) => cells), footer]
  const widths = header.map((_, i) => Math.max(...all.map((cells) => cells[i]!.length)))
  widths[0] = width - widths.slice(1).reduce((total, column) => total + column + 2, 0)
  const align = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')
  const rule = styleText('dim', '─'.repeat(width))
  return [
    styleText('dim', align(header)),
    rule,
    ...rows.map(({ cells, isBad }) => (isBad ? styleText('red', align(cells)) : align(cells))),
    rule,
    styleText('bold', align(footer)),
  ]
}
