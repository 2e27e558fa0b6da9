/** Marks a file as ours in its header: 'Tide'. */
export const APPLICATION_ID = 0x54_69_64_65

/** Brings a database from the version that is its index to the next one. Runs inside one transaction. Never edit a released one. */
export type Migration = string

/**
 * log_head: one row. `seq` is counted here rather than by AUTOINCREMENT, which burns numbers: here a rollback takes
 * the count back, so that a gap can only mean loss. `at` keeps commit times from decreasing.
 * entry: without rowid, since that saves a second tree; it holds expired entries until they are swept.
 * log: `position` and `size` place a change in its commit, so that no reader splits one.
 * op: 0 set, 1 delete, 2 expire. `path` is JSON.
 */
const VERSION_1: Migration = `
  CREATE TABLE log_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    floor INTEGER NOT NULL,
    log_id BLOB NOT NULL,
    epoch INTEGER NOT NULL
  );
  INSERT INTO log_head (id, seq, at, floor, log_id, epoch) VALUES (1, 0, 0, 0, randomblob(16), 1);

  CREATE TABLE entry (
    key BLOB PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL,
    expires_at INTEGER,
    written_at INTEGER NOT NULL,
    meta BLOB,
    value BLOB NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX entry_expiry ON entry (expires_at) WHERE expires_at IS NOT NULL;

  CREATE TABLE log (
    seq INTEGER PRIMARY KEY,
    op INTEGER NOT NULL,
    position INTEGER NOT NULL,
    size INTEGER NOT NULL,
    at INTEGER NOT NULL,
    origin TEXT NOT NULL,
    prev_version INTEGER NOT NULL,
    expires_at INTEGER,
    key BLOB NOT NULL,
    path TEXT,
    meta BLOB,
    value BLOB
  );
`

export const MIGRATIONS: readonly Migration[] = Object.freeze([VERSION_1])
