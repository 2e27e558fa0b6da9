/** What is kept of an error, which may be anything, and of any size. */
const MAX_CHARS = 2_000

export function textOf(error: unknown): string {
  return describe(error).slice(0, MAX_CHARS).toWellFormed()
}

function describe(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  } catch {
    return 'an error that cannot be shown'
  }
}
