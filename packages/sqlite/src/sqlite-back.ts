import { randomBytes } from 'node:crypto'
import {
  type Back,
  ClosedError,
  type Codec,
  type Commit,
  type CommitListener,
  type Found,
  type KeyPage,
  type KeyRange,
  type Log,
  type Proposal,
  type ReadOptions,
  type Renewal,
  type ScanOptions,
  type ScanPage,
  type StoreKey,
  type SyncBack,
  type SyncFrontAgreements,
  type SyncLog,
  TidemarkError,
  wholeAtLeast,
} from '@tidemark/core'
import { readBootId } from './boot-mark.ts'
import { claimFile } from './claim-file.ts'
import { CommitGroup } from './commit-group.ts'
import { CommitListeners } from './commit-listeners.ts'
import { Connection } from './connection.ts'
import { EntryReader } from './entry-reader.ts'
import { FileIdentity } from './file-identity.ts'
import { GroupCommitter } from './group-committer.ts'
import { HeadWatch } from './head-watch.ts'
import { KnownIdentity } from './known-identity.ts'
import { LogCompactor } from './log-compactor.ts'
import { LogReader } from './log-reader.ts'
import { LogSearch } from './log-search.ts'
import { MarkTable } from './mark-table.ts'
import { type DriverSettings, openDatabase, untilFree } from './open-database.ts'
import { type ResolvedOptions, resolveOptions, type SqliteBackOptions } from './options.ts'
import { loadDriver } from './runtime.ts'
import { RenewalTable } from './renewal-table.ts'
import { Scanner } from './scanner.ts'
import { toTidemarkError } from './sqlite-errors.ts'
import { SqliteAgreements } from './sqlite-agreements.ts'
import { SqliteCompaction } from './sqlite-compaction.ts'
import { SqliteLeases } from './sqlite-leases.ts'
import { SqliteLog } from './sqlite-log.ts'
import { SqliteMarks } from './sqlite-marks.ts'

/** A back tier in one SQLite file, which any number of processes on the machine may share. */
export interface SqliteBack extends Back, AsyncDisposable {
  /** The absolute path of the file, or ':memory:'. */
  readonly file: string
  readonly log: Log & { readonly sync: SyncLog }
  readonly agreements: SyncFrontAgreements
  readonly sync: SyncBack
  /** Answers at once. @throws ClosedError, TidemarkError IO */
  readOne(key: StoreKey): Found
}

/**
 * Opens, and where needed creates or migrates, a back tier in a SQLite file. Synchronous: the file is ready on return.
 *
 * @throws TypeError or RangeError naming a wrong option; TidemarkError RUNTIME_TOO_OLD, FOLDER_MISSING, NOT_A_DATABASE,
 * SCHEMA_TOO_NEW, READ_ONLY, DISK_FULL, BUSY, IO.
 */
export function createSqliteBack(options: SqliteBackOptions): SqliteBack {
  return openSqliteBack(options, {})
}

/** As {@link createSqliteBack}, with the driver's settings that only tests touch. */
export function openSqliteBack(
  options: SqliteBackOptions,
  settings: Partial<DriverSettings> & { readonly nodeVersion?: string },
): SqliteBack {
  let resolved = resolveOptions(options)
  const driver = settings.driver ?? loadDriver(settings.nodeVersion)
  claimFile(resolved)
  try {
    // As a whole: any first read may find the file locked by a process that is just creating or leaving it.
    return untilFree(resolved.busyTimeoutMs, () => {
      const db = openDatabase(resolved, {
        ...settings,
        driver,
        // Who finds the file locked after that finds his own store the next time.
        onCreated: () => (resolved = { ...resolved, mode: 'open' }),
      })
      try {
        return new OpenSqliteBack(new Connection(db, resolved), resolved, settings.bootId ?? readBootId)
      } catch (error) {
        db.close()
        throw error
      }
    })
  } catch (error) {
    throw toTidemarkError(error, resolved)
  }
}

class OpenSqliteBack implements SqliteBack {
  readonly name: string
  readonly file: string
  readonly codec: Codec
  readonly origin: string
  readonly log: SqliteLog
  readonly agreements: SqliteAgreements
  readonly leases: SqliteLeases
  readonly marks: SqliteMarks
  readonly compaction: SqliteCompaction
  readonly renewal: Renewal
  readonly sync: SyncBack = {
    read: (keys) => this.#read(keys),
    scan: (range, options) => this.#scan(range, options),
    scanKeys: (range, options) => this.#scanKeys(range, options),
    commit: (proposal) => {
      this.#assertWritable()
      return this.#committer.proposeNow(proposal)
    },
  }
  readonly readOptions: readonly string[] = ['consistency'] satisfies (keyof ReadOptions)[]
  readonly writeOptions: readonly string[] = []
  readonly #options: ResolvedOptions
  readonly #connection: Connection
  readonly #entries: EntryReader
  readonly #scanner: Scanner
  readonly #watch: HeadWatch
  readonly #listeners: CommitListeners
  readonly #committer: GroupCommitter
  #closing: Promise<void> | undefined

  constructor(connection: Connection, options: ResolvedOptions, bootId: () => string | undefined) {
    const { name, file, codec, clock, maxGroup, readOnly } = options
    const identity = new KnownIdentity(connection)
    const assertOpen = (): void => this.#assertOpen()
    const assertWritable = (): void => this.#assertWritable()
    this.name = name
    this.file = file
    this.codec = codec
    this.origin = randomBytes(9).toString('base64url')
    this.#options = options
    this.#connection = connection
    this.#entries = new EntryReader(connection, options)
    this.#scanner = new Scanner(connection, { codec, clock, entries: this.#entries })
    this.#watch = new HeadWatch(connection, { ...options, identity })
    this.#listeners = new CommitListeners(options.onError)
    this.log = new SqliteLog({
      identity,
      reader: new LogReader(connection, codec, identity),
      search: new LogSearch(connection, codec, assertOpen),
      watch: this.#watch,
      assertOpen,
    })
    const { origin } = this
    const marks = new MarkTable(connection, codec)
    const group = new CommitGroup(connection, {
      codec,
      name,
      identity,
      marks,
      maxGroup,
      origin,
      now: () => clock.now(),
    })
    this.#committer = new GroupCommitter(group, {
      ...options,
      identity: new FileIdentity(options),
      onCommitted: (commits) => this.#committed(commits),
    })
    const committer = this.#committer
    const unmarkedBoot = readOnly ? bootId() : undefined
    this.agreements = new SqliteAgreements(connection, {
      identity,
      committer,
      unmarkedBoot,
      assertOpen,
      assertWritable,
    })
    this.marks = new SqliteMarks({ table: marks, commit: (proposal) => this.commit(proposal), assertOpen })
    const compactor = new LogCompactor(connection)
    this.compaction = new SqliteCompaction({ compactor, committer, assertOpen, assertWritable })
    const renewing = new RenewalTable(connection, codec)
    this.renewal = {
      renew: async (from, limit) => {
        assertWritable()
        wholeAtLeast('limit', limit, 1)
        return committer.perform(() => renewing.renew(from, limit))
      },
    }
    this.leases = new SqliteLeases(connection, { clock, committer, assertOpen, assertWritable })
  }

  readOne(key: StoreKey): Found {
    this.#assertOpen()
    return this.#entries.readOne(key)
  }

  async read(keys: readonly StoreKey[]): Promise<readonly Found[]> {
    return this.#read(keys)
  }

  async commit(proposal: Proposal): Promise<Commit> {
    this.#assertWritable()
    return this.#committer.propose(proposal)
  }

  async scan(range: KeyRange, options: ScanOptions): Promise<ScanPage> {
    return this.#scan(range, options)
  }

  async scanKeys(range: KeyRange, options: ScanOptions): Promise<KeyPage> {
    return this.#scanKeys(range, options)
  }

  async count(range: KeyRange): Promise<number> {
    this.#assertOpen()
    return this.#scanner.count(range)
  }

  async expire(limit: number): Promise<Commit> {
    this.#assertWritable()
    return this.#committer.expire(wholeAtLeast('limit', limit, 1))
  }

  async restored(): Promise<void> {
    this.#assertWritable()
    await this.#committer.perform((transaction) => {
      transaction.leases.endAll()
      transaction.agreements.startAnew()
      transaction.startEpoch()
    })
    // What moved is not the head: that is known already, and wakes nobody.
    if (this.#closing === undefined) this.#watch.look()
  }

  onCommit(listener: CommitListener): () => void {
    this.#assertOpen()
    return this.#listeners.add(listener)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#watch.close()
    await this.#committer.drained()
    this.#connection.close()
  }

  #read(keys: readonly StoreKey[]): readonly Found[] {
    this.#assertOpen()
    return this.#entries.read(keys)
  }

  #scan(range: KeyRange, options: ScanOptions): ScanPage {
    this.#assertOpen()
    wholeAtLeast('limit', options.limit, 1)
    return this.#scanner.page(range, options)
  }

  #scanKeys(range: KeyRange, options: ScanOptions): KeyPage {
    this.#assertOpen()
    wholeAtLeast('limit', options.limit, 1)
    return this.#scanner.keyPage(range, options)
  }

  #committed(commits: readonly Commit[]): void {
    this.#watch.moved(commits.at(-1)!.asOf)
    this.#listeners.emit(commits)
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new ClosedError(`the SQLite store '${this.name}'`)
  }

  #assertWritable(): void {
    this.#assertOpen()
    if (!this.#options.readOnly) return
    const message = `${this.file} was opened with readOnly: true; open it without, to write`
    throw new TidemarkError('READ_ONLY', message, { tier: this.name })
  }
}
