export type { OpenMode, SqliteBackOptions } from './options.ts'
export { createSqliteBack, type SqliteBack } from './sqlite-back.ts'
export { deleteStoredFile, type DeleteStoredFileOptions, findStoredFile, type StoredFile } from './stored-file.ts'
