import { existsSync, globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

// The pages that say which test shows what. A reference is written `path/of/file.ts` › "title of the test", whole or up to
// an ellipsis; what a machine makes at random is written `chaos:kind`, `simulation:kind` or `model:scenario`.

const repository = new URL('../../', import.meta.url)
const textOf = (path: string): string => readFileSync(new URL(path, repository), 'utf8')

/** Pages, and how many references there are at least: a form that nothing is written in any more would prove nothing. */
const PAGES: Readonly<Record<string, number>> = {
  'docs/ancestors.md': 195,
  'docs/guarantees.md': 90,
  'docs/races.md': 50,
  'docs/streams.md': 28,
}

const REFERENCE = /`([^`]+)` › "([^"]+)"/g
const MACHINE = /`(chaos|simulation|model):([^`]*)`/g
const SHORT_NAME = /\b[A-Z]\d{1,2}\b/g
const UNSHOWN = /\*\*not tested\*\*|not covered|the same/i

/** Why there is no such test; undefined: there is one. */
function missing(path: string, title: string): string | undefined {
  if (!existsSync(new URL(path, repository))) return `${path} does not exist`
  // As a text that begins so, and not as part of another one or of a comment.
  const [begins, ends] = title.endsWith('…') ? [title.slice(0, -1), false] : [title, true]
  const source = textOf(path)
  const found = ["'", '"', '`'].some((quote) => source.includes(`${quote}${begins}${ends ? quote : ''}`))
  return found ? undefined : `${path} has no test "${title}"`
}

const sourcesOf = (pattern: string): string =>
  globSync(pattern, { cwd: fileURLToPath(repository) })
    .map(textOf)
    .join('\n')

/** Where the machines say what they make. */
const MACHINES: Readonly<Record<string, (name: string) => boolean>> = {
  chaos: (name) => new RegExp(`^ +'?${name}'?[,:]`, 'm').test(textOf('proof/src/chaos/faults/kinds.ts')),
  simulation: (name) => textOf('proof/src/simulation/plan.ts').includes(`  '${name}',`),
  model: (name) => sourcesOf('proof/src/model/scenarios/*.ts').includes(`name: '${name}'`),
}

describe.each(Object.entries(PAGES))('%s', (page, atLeast) => {
  const text = textOf(page)

  test('names tests that exist', () => {
    const references = [...text.matchAll(REFERENCE)].map(([, path, title]) => [path!, title!] as const)
    expect(references.flatMap(([path, title]) => missing(path, title) ?? [])).toEqual([])
    expect(references.length).toBeGreaterThanOrEqual(atLeast)
    // One that is not quite in the form would not be looked at.
    expect(text.split('›').length - 1).toBe(references.length)
  })

  test('names what machines make', () => {
    const wrong = [...text.matchAll(MACHINE)].filter(([, machine, name]) => name !== '' && !MACHINES[machine!]!(name!))
    expect(wrong.map(([reference]) => reference)).toEqual([])
  })

  test('links to files that exist', () => {
    const links = [...text.matchAll(/\]\(([^)#]+)\)/g)].map(([, link]) => link!)
    expect(links.filter((link) => !existsSync(new URL(link, new URL(page, repository))))).toEqual([])
  })
})

describe('docs/guarantees.md', () => {
  const [said, list] = textOf('docs/guarantees.md').split('\n## Tests\n') as [string, string]
  const rows = said.split('\n').filter((line) => line.startsWith('| '))

  test('uses the short names that it lists, and lists those that it uses', () => {
    const listed = [...list.matchAll(/^\| ([A-Z]\d{1,2}) \|/gm)].map(([, name]) => name!)
    expect(new Set(said.match(SHORT_NAME))).toEqual(new Set(listed))
    expect(new Set(listed).size).toBe(listed.length)
  })

  test('shows every cell about a fault, or says that nothing does', () => {
    const isShown = (cell: string): boolean => cell.match(SHORT_NAME) !== null || UNSHOWN.test(cell)
    let columns: readonly string[] = []
    const bare: string[] = []
    for (const row of rows) {
      const cells = row.slice(2, -2).split(' | ')
      if (['fault', 'case', 'choice', 'guarantee', 'machine', 'word'].includes(cells[0]!)) columns = cells
      else if (columns[0] === 'fault' && columns.at(-1)!.startsWith('machines')) {
        bare.push(...cells.slice(1, columns.length - 1).filter((cell) => !isShown(cell)))
      } else if (columns[0] !== 'word' && columns[0] !== 'machine' && columns.length > 2 && !isShown(row))
        bare.push(row)
    }
    expect(bare).toEqual([])
  })
})
