/**
 * One cycle per group of files that import one another, each as the list of its files in import order.
 * Imports of types count: files that need each other's types are one concept, or lack a third file.
 */
export function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const done = new Set<string>()
  const cycles: string[][] = []

  const visit = (file: string, path: string[]): void => {
    const at = path.indexOf(file)
    if (at >= 0) {
      cycles.push(path.slice(at))
      return
    }
    if (done.has(file)) return
    for (const next of graph.get(file) ?? []) visit(next, [...path, file])
    done.add(file)
  }

  for (const file of graph.keys()) visit(file, [])
  return cycles
}
