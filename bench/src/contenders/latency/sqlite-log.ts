/** What an application without a store has: a table of values, and a log of them that others can read. */
export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS value (key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS log (
    seq INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB NOT NULL, at INTEGER NOT NULL
  );
`
