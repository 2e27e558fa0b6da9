/** Styles have no width. */
// oxlint-disable-next-line no-control-regex
const STYLE = /(\u001B\[[\d;]*m)/

/** The upper left part of a frame that a terminal has room for. The last row is left to the cursor. */
export function fit(frame: string, columns: number, rows: number): string {
  const lines = frame.split('\n').slice(0, Math.max(1, rows - 1))
  return lines.map((line) => fitLine(line, columns)).join('\n')
}

/** Drops characters and keeps styles, so that each one which begins also ends. */
function fitLine(line: string, columns: number): string {
  let left = columns
  return line
    .split(STYLE)
    .map((part, i) => {
      if (i % 2 === 1) return part
      const kept = part.slice(0, left)
      left -= kept.length
      return kept
    })
    .join('')
}
