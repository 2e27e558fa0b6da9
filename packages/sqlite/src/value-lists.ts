/** SQL for a list of keys as a table `(i, key)`, with one parameter per key. */
export function numberedKeys(count: number): string {
  const rows = Array.from({ length: count }, (_, i) => `(${i}, ?)`).join(', ')
  return `(SELECT column1 AS i, column2 AS key FROM (VALUES ${rows}))`
}

/** The same piece of SQL `count` times, separated by commas. */
export function repeated(sql: string, count: number): string {
  return Array.from({ length: count }, () => sql).join(', ')
}
