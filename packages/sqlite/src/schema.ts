/** Marks a file as ours in its header: 'Tide'. */
export const APPLICATION_ID = 0x54_69_64_65

/** Marks a file that is being deleted: 'Gone'. */
export const DELETED_ID = 0x47_6f_6e_65

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

/**
 * log_head.boot: the boot of the operating system during which the file was last opened for writes that are not synced
 * one by one; null: since the last such boot it was only written with each commit synced.
 * front_agreement: rows are never deleted and terms only grow, so the sum of the terms tells whether anything changed.
 * lease: those that are held, and some whose time is up. AUTOINCREMENT, so that no token is ever given out twice.
 */
const VERSION_2: Migration = `
  ALTER TABLE log_head ADD COLUMN boot TEXT;

  CREATE TABLE front_agreement (
    front TEXT PRIMARY KEY NOT NULL,
    epoch TEXT NOT NULL,
    server TEXT NOT NULL,
    term INTEGER NOT NULL,
    suspended INTEGER NOT NULL,
    max_stale_ms REAL NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE lease (
    token INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB NOT NULL UNIQUE,
    until INTEGER NOT NULL,
    ttl_ms INTEGER NOT NULL
  );
  CREATE INDEX lease_until ON lease (until);
`

/** front_agreement.wait_ms: how long writers wait; until now, as long as certificates may live. */
const VERSION_3: Migration = `
  ALTER TABLE front_agreement ADD COLUMN wait_ms REAL NOT NULL DEFAULT 0;
  UPDATE front_agreement SET wait_ms = max_stale_ms;
`

/** log.source: JSON, where a copied change was written first; null: here. */
const VERSION_4: Migration = `
  ALTER TABLE log ADD COLUMN source TEXT;

  CREATE TABLE mark (
    key BLOB PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
  ) WITHOUT ROWID;
`

/** lease.renewals: how often it was renewed; that alone tells whoever looks that somebody lives, whatever the clocks say. */
const VERSION_5: Migration = `
  ALTER TABLE lease ADD COLUMN renewals INTEGER NOT NULL DEFAULT 0;
`

/**
 * large_value: value and meta of the entries whose rows would not fit on a page (large-rows.ts says why, and from where on), by
 * version, which no two entries share. Such an entry has no meta, and a value of no bytes, which no stored value has. It has a
 * rowid, since SQLite finds rows by that without reading them. Meta stands first: what follows a value is found by reading it.
 *
 * Triggers remove what belongs to no entry any more, whoever writes: nobody has to know what it is that he replaces, also not
 * a process of an earlier release that has the file open. What stores an entry anew where it stands keeps its version.
 *
 * What was large before stays in its row until it is written again, or rewritten: to move it would read and write all of the
 * file in one transaction, before the store opens.
 */
const VERSION_6: Migration = `
  CREATE TABLE large_value (
    version INTEGER PRIMARY KEY,
    meta BLOB,
    value BLOB NOT NULL
  );
  CREATE TRIGGER large_value_replaced AFTER UPDATE OF version ON entry WHEN old.value = x'' BEGIN
    DELETE FROM large_value WHERE version = old.version;
  END;
  CREATE TRIGGER large_value_removed AFTER DELETE ON entry WHEN old.value = x'' BEGIN
    DELETE FROM large_value WHERE version = old.version;
  END;
`

export const MIGRATIONS: readonly Migration[] = Object.freeze([
  VERSION_1,
  VERSION_2,
  VERSION_3,
  VERSION_4,
  VERSION_5,
  VERSION_6,
])
