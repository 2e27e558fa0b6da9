import type { Codec } from '../codec/codec.ts'
import type { Payload } from '../codec/payload.ts'
import type { KeyRange } from '../keys/key-range.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { Compaction } from './compaction.ts'
import type { Entry, Found } from './entry.ts'
import type { FrontAgreement, FrontAgreements } from './front-agreement.ts'
import type { Lease, Leases } from './leases.ts'
import type { ChangeSource, Log, LogChange, Path } from './log.ts'
import type { Marks, MarkWrite } from './marks.ts'
import type { Renewal } from './renewal.ts'

/** One intended change of one key. Deleting what does not exist changes nothing and is not logged. */
export type Write = SetWrite | DeleteWrite

export interface SetWrite {
  readonly op: 'set'
  readonly key: StoreKey
  readonly payload: Payload
  readonly expiresAt: number | undefined
  readonly meta: Payload | undefined
  readonly path: Path | undefined
  /**
   * The seq of the change is appended to the key, as its last part: an order that all processes agree on, without reading
   * anything. What is written replaces nothing. A lease of `key` as it stands here ends with the commit.
   */
  readonly stamped?: true | undefined
  /** The log does not hold the value, which is large, and which the entry has: in the log, its change is `leftOut`. */
  readonly leftOut?: true | undefined
  /** Of a change that is copied from another store. */
  readonly source?: WriteSource | undefined
}

export interface DeleteWrite {
  readonly op: 'delete'
  readonly key: StoreKey
  /** As of SetWrite. */
  readonly source?: WriteSource | undefined
}

/** Where a copied change comes from, and who wrote it there. */
export interface WriteSource extends ChangeSource {
  readonly origin: string
}

/**
 * What a writer asks a back tier to commit atomically.
 *
 * With `reads`, `decide` gets the current entries of those keys (expired ones as undefined) and returns the writes; reads
 * and writes happen in one serializable transaction. `decide` is synchronous, must not have effects, and may be called
 * once per commit attempt. When it throws, nothing of this proposal is written, and the commit rejects with that error;
 * other proposals of the same group are not affected.
 */
export interface Proposal {
  readonly reads: readonly StoreKey[]
  /** Nothing of this is committed unless the lease is still held; the commit ends it, unless `keepLease` says otherwise. */
  readonly lease?: Lease | undefined
  /** @default false */
  readonly keepLease?: boolean | undefined
  /**
   * Wall-clock milliseconds: the commit, and with it every later one, is dated no earlier. For a store that takes changes of
   * others, so that what is written here afterwards is the later one.
   */
  readonly notBefore?: number | undefined
  /**
   * Written in the same transaction, also when no entry changes. A function gets what the commit changes, and so the
   * versions; it is synchronous, and must not have effects. When it or `decide` throws, nothing of this proposal is written.
   */
  readonly marks?: readonly MarkWrite[] | ((changes: readonly LogChange[]) => readonly MarkWrite[]) | undefined
  decide(current: readonly (Entry | undefined)[]): readonly Write[]
}

/** What a commit did. When nothing changed, `changes` is empty. */
export interface Commit {
  /** One per effective write, in the order of the writes, with consecutive seqs. A key may occur more than once. */
  readonly changes: readonly LogChange[]
  /** The head of the log right after this commit: everything up to it is included in what was decided. */
  readonly asOf: number
  /** The proposal that this is the outcome of, the same object; undefined for what the tier does by itself (expiry). */
  readonly proposal: Proposal | undefined
  /** What was agreed about the shared fronts when this was committed, by the name of the front; see FrontAgreement. */
  readonly agreements: ReadonlyMap<string, FrontAgreement>
  /** What became of the commit in each front, filled in by a tiered store; empty for a plain back tier. */
  readonly tiers: readonly TierReport[]
}

/** What one front did with a commit. The commit itself is durable whatever stands here. */
export interface TierReport {
  readonly tier: string
  /** `failed`: the front may still hold an older value until it is repaired; `error` says why. */
  readonly outcome: 'applied' | 'failed'
  readonly error: Error | undefined
}

/** What every tier understands per read. */
export interface ReadOptions {
  /**
   * `linearizable`: ask the back tier, whatever the fronts hold.
   * @default 'tiered', the guarantees of the tiers that the store is made of
   */
  readonly consistency?: 'tiered' | 'linearizable' | undefined
}

/** What a store above asks of a read, beside what its caller may choose. */
export interface ReadBounds {
  /**
   * A seq that the answers include, whatever a front holds; Infinity: they are those of the back tier. A plain back tier answers
   * with what it has by now, and so with everything that was ever read of it. Where only the fronts may be asked, they answer
   * as ever.
   */
  readonly including?: number | undefined
}

export interface ScanOptions {
  /** Exclusive start, for the next page. In reverse order the page holds what lies before it. */
  readonly after: StoreKey | undefined
  /** At most. A page of large entries may hold fewer. */
  readonly limit: number
  readonly reverse: boolean
}

export interface ScanPage {
  /** In key order (descending when reversed). One at least, unless the page is the last one. */
  readonly entries: readonly Entry[]
  /** Nothing in the range comes after it. False is no promise that something does. */
  readonly isLast: boolean
  /** The head of the snapshot that this page was read from. */
  readonly asOf: number
}

/** As {@link ScanPage}, of the same keys, without what stands at them: a page of the keys of large entries holds fewer, too. */
export interface KeyPage {
  readonly keys: readonly DatedKey[]
  readonly isLast: boolean
  readonly asOf: number
}

/** A key that exists, and what it costs little to say of it. */
export type DatedKey = Pick<Entry, 'key' | 'version' | 'writtenAt'>

/** Called synchronously after the commit became durable and before the writers' promises resolve; in seq order. */
export type CommitListener = (commits: readonly Commit[]) => void

/**
 * The durable tier: values and the change log, committed together.
 *
 * `R` and `W` are what a caller may choose per read and per write; a plain back tier offers nothing of its own, a tiered
 * store (which is a Back too) offers its policies.
 */
export interface Back<R extends ReadOptions = ReadOptions, W extends object = object> {
  readonly name: string
  /** How values become bytes here; what a store above encodes with. */
  readonly codec: Codec
  /** Which opened store this is; stands as `origin` in every change that it commits. */
  readonly origin: string
  readonly log: Log
  readonly agreements: FrontAgreements
  readonly leases: Leases
  readonly marks: Marks
  readonly compaction: Compaction
  readonly renewal: Renewal
  /** The capability to answer and to commit without leaving the current turn; undefined where that takes a round trip. */
  readonly sync: SyncBack | undefined
  /** The names of what `R` holds: a store above refuses any other, which would do nothing. */
  readonly readOptions: readonly string[]
  /** The same of `W`. */
  readonly writeOptions: readonly string[]
  /** One key. Returns without a promise where the answer is at hand. */
  readOne(key: StoreKey, options?: R): Found | Promise<Found>
  /** Several keys from one snapshot, answers in the order of the keys. */
  read(keys: readonly StoreKey[], options?: R & ReadBounds): Promise<readonly Found[]>
  /**
   * Resolves when the commit is durable. Concurrent calls share one transaction (group commit) and stay atomic each.
   * @throws what `decide` threw; TidemarkError LEASE_LOST, BUSY, READ_ONLY, DISK_FULL, IO; ClosedError.
   */
  commit(proposal: Proposal, options?: W): Promise<Commit>
  scan(range: KeyRange, options: ScanOptions): Promise<ScanPage>
  /** As {@link scan}; costs the same however large the values are, which are not read. */
  scanKeys(range: KeyRange, options: ScanOptions): Promise<KeyPage>
  count(range: KeyRange): Promise<number>
  /** Deletes up to `limit` entries whose time has come, each as a logged `expire` change. */
  expire(limit: number): Promise<Commit>
  /**
   * Declares that the data was restored from a backup: the log gets another epoch, so that tokens of the lost history are
   * refused, and every front starts anew. Durable when it resolves.
   */
  restored(): Promise<void>
  /** Every commit of this store object, in seq order. The returned function ends it. */
  onCommit(listener: CommitListener): () => void
  /** Lets commits under way finish, then releases everything. Idempotent. */
  close(): Promise<void>
}

/**
 * The capability of an embedded tier: answers from the tier itself and commits in the calling turn, and blocks the thread
 * meanwhile. Before a commit, what was asked for earlier and waits for its turn is committed; a read does not see it.
 */
export interface SyncBack {
  /** As {@link Back.read}. */
  read(keys: readonly StoreKey[]): readonly Found[]
  /** As {@link Back.scan}. */
  scan(range: KeyRange, options: ScanOptions): ScanPage
  /** As {@link Back.scanKeys}. */
  scanKeys(range: KeyRange, options: ScanOptions): KeyPage
  /**
   * As {@link Back.commit}; durable on return. Waits for other processes as long as that does.
   * @throws TypeError inside of a decision or a commit listener, where the one that is under way would come second
   */
  commit(proposal: Proposal): Commit
}
