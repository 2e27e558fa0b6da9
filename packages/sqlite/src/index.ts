export type { OpenMode, SqliteBackOptions } from './options.ts'
export { createSqliteBack, type SqliteBack } from './sqlite-back.ts'
