export interface CountedStatements {
  /** What SQLite ran so far, with parameters filled in. */
  readonly statements: string[]
  /** To be given to the driver. */
  readonly verbose: (sql?: unknown) => void
}

/** Writes down every statement that SQLite runs. */
export function counted(): CountedStatements {
  const statements: string[] = []
  return { statements, verbose: (sql) => void statements.push(String(sql)) }
}
