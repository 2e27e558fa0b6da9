import { readFileSync } from 'node:fs'
import { parseSync, Visitor } from 'oxc-parser'

/** Something in a source file, and where it starts. */
export interface Mention {
  readonly what: string
  readonly line: number
}

export interface SourceFile {
  /** Every module that the file names: imports, re-exports, `import()` and import types. */
  readonly imports: readonly Mention[]
  /** Every identifier that is not merely the name of a member, and every member of `globalThis`. */
  readonly identifiers: readonly Mention[]
}

interface Positioned {
  readonly start: number
}

/** @throws Error when the file is not TypeScript. */
export function readSourceFile(file: string): SourceFile {
  const text = readFileSync(file, 'utf8')
  const { program, errors } = parseSync(file, text)
  if (errors[0] !== undefined) throw new Error(`${file}: ${errors[0].message}`)

  const imports: Mention[] = []
  const identifiers: Mention[] = []
  const memberNames = new Set<object>()

  const lineOf = (node: Positioned): number => text.slice(0, node.start).split('\n').length
  const addImport = (source: (Positioned & { readonly value?: unknown }) | null): void => {
    if (typeof source?.value === 'string') imports.push({ what: source.value, line: lineOf(source) })
  }
  const skipName = (node: { readonly computed?: boolean; readonly key: object }): void => {
    if (node.computed !== true) memberNames.add(node.key)
  }

  new Visitor({
    ImportDeclaration: (node) => addImport(node.source),
    ExportNamedDeclaration: (node) => addImport(node.source),
    ExportAllDeclaration: (node) => addImport(node.source),
    ImportExpression: (node) => addImport(node.source),
    TSImportType: (node) => addImport(node.source),
    MemberExpression(node) {
      if (node.computed) return
      memberNames.add(node.property)
      const ofGlobal = node.object.type === 'Identifier' && node.object.name === 'globalThis'
      if (ofGlobal) identifiers.push({ what: node.property.name, line: lineOf(node) })
    },
    // In `{ process }` the name and the reference are two nodes.
    Property: skipName,
    PropertyDefinition: skipName,
    MethodDefinition: skipName,
    TSPropertySignature: skipName,
    TSMethodSignature: skipName,
    Identifier(node) {
      if (!memberNames.has(node)) identifiers.push({ what: node.name, line: lineOf(node) })
    },
  }).visit(program)

  return { imports, identifiers }
}
