/**
 * Where a failure goes that nobody listens for: not lost, and no reason to end the process.
 * Tells no more than where it happened: a value may hold what must not stand in a console.
 */
export function lastResort(where: string, error: unknown): void {
  console.error(`tidemark: ${where}:`, error)
}
