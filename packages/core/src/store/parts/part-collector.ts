import { afterTurn } from '../../batching/after-turn.ts'
import { TidemarkError } from '../../errors.ts'
import { prefixRange } from '../../keys/key-range.ts'
import type { Key } from '../../keys/key.ts'
import { isReserved, reservedKey } from '../../keys/reserved.ts'
import type { StoreKey } from '../../keys/store-key.ts'
import type { Back, Commit, DeleteWrite, ReadOptions } from '../../ports/back.ts'
import type { Lease } from '../../ports/leases.ts'
import { typeOf } from '../entry-notes.ts'
import { allGroups, groupsAt } from './part-groups.ts'
import { isStanding } from './is-standing.ts'
import { headIdOf } from './part-head.ts'
import { PART_KINDS, type PartKind, type PartOf, partsKey } from './part-key.ts'

/** Entries that expire per commit. */
const EXPIRED = 500
/** Parts per commit. Chunks are 256 KiB each, and whoever else writes to the file waits for them. */
const BATCH: Readonly<Record<PartKind, number>> = { element: 500, chunk: 12 }
/** For the removal of one batch. */
const LEASE_MS = 60_000
const ATTEMPTS = 3
/** Of keys that are known to hold a log or a blob, and of those to look at. What is too much is left to `sweep`. */
const MAX_KEYS = 100_000
/** Keys to look at before everyone else gets their turn. */
const KEYS_PER_TURN = 32

export interface PartCollectorOptions<R extends ReadOptions, W extends object> {
  readonly back: Back<R, W>
  /** Gets what keeps it from removing something, which it does not try again; `sweep` does. */
  readonly onError: (error: unknown) => void
}

/**
 * Removes the parts of what does not stand any more: in the background, when a commit of this store has deleted, replaced or
 * expired a log or a blob; and of everything, when it is asked to. What nobody removes costs room, and is seen by nobody.
 *
 * Parts that have no head may also be those of a blob that is being written: its writer holds a lease, without which it
 * cannot go on, and which is taken here before anything is removed.
 */
export class PartCollector<R extends ReadOptions = ReadOptions, W extends object = object> {
  readonly #options: PartCollectorOptions<R, W>
  readonly #stopListening: () => void
  readonly #watched = new Set<string>()
  /** Keys to look at, by their ids. */
  readonly #due = new Map<string, StoreKey>()
  #running: Promise<void> | undefined
  #isClosed = false

  constructor(options: PartCollectorOptions<R, W>) {
    this.#options = options
    this.#stopListening = options.back.onCommit((commits) => this.#onCommits(commits))
  }

  /** There is, or is about to be, a log or a blob at the key: what replaces it leaves something to remove. */
  watch({ id }: StoreKey): void {
    if (this.#watched.has(id)) return
    this.#watched.add(id)
    if (this.#watched.size > MAX_KEYS) this.#watched.delete(this.#watched.values().next().value!)
  }

  /** There may be something to remove at the key. */
  due(key: StoreKey): void {
    if (this.#isClosed || this.#due.size >= MAX_KEYS) return
    this.#due.set(key.id, key)
    this.#running ??= this.#run()
  }

  /** Resolves when nothing that is known to be due is left. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /**
   * Removes what does not stand, at all keys with the prefix.
   * @param isOld says of the last part of a group whether it has been there for so long that its head is not still to come
   * @returns how many parts were removed
   */
  async collectAll(
    prefix: Key | readonly [],
    isOld: (writtenAt: number) => boolean,
    signal?: AbortSignal,
  ): Promise<number> {
    const { back } = this.#options
    // What has expired may be there again when the clock goes back, until that is written down.
    while ((await back.expire(EXPIRED)).changes.length === EXPIRED);
    let [removed, looked] = [0, 0]
    for (const kind of PART_KINDS) {
      for await (const group of allGroups(back, kind, prefix)) {
        signal?.throwIfAborted()
        if (++looked % KEYS_PER_TURN === 0) await new Promise<void>((resolve) => afterTurn(resolve))
        if (await isStanding(this.#options, group.owner, group.id)) continue
        if (await this.#isOld(group, isOld)) removed += await this.#remove(group)
      }
    }
    return removed
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#stopListening()
    this.#due.clear()
    await this.#running
  }

  #onCommits(commits: readonly Commit[]): void {
    for (const { changes } of commits) {
      for (const change of changes) {
        const { op, key, prevVersion } = change
        // Not every log or blob is written by this store: a transaction of a consumer, or a sync, writes beside it.
        if (op === 'set' && typeOf(change) !== 'value') this.watch(key)
        if (prevVersion === 0) continue
        // A value that replaces another is by far the most common one.
        if (op === 'set' && typeOf(change) === 'value' && !this.#watched.has(key.id)) continue
        if (!isReserved(key)) this.due(key)
      }
    }
  }

  async #run(): Promise<void> {
    try {
      // Nothing of it is in anybody's way: the commit that has told of it is acknowledged first.
      await Promise.resolve()
      while (this.#due.size > 0) {
        const due = new Map(this.#due)
        this.#due.clear()
        for (const kind of PART_KINDS) await this.#collectAt(kind, due)
      }
    } catch (error) {
      this.#due.clear()
      if (!(error instanceof TidemarkError && error.code === 'CLOSED')) this.#options.onError(error)
    } finally {
      // In the same turn as the last look: what is due from now on starts anew.
      this.#running = undefined
    }
  }

  async #collectAt(kind: PartKind, keys: ReadonlyMap<string, StoreKey>): Promise<void> {
    const { back } = this.#options
    // Most stores have none at all. Of one key, that costs as much to find out as what it has.
    if (keys.size > 1 && !(await this.#hasAny(kind))) return
    let looked = 0
    for (const key of keys.values()) {
      for await (const group of groupsAt(back, kind, key)) await this.#remove(group)
      // A back tier that answers at once would otherwise keep everyone else waiting until the end.
      if (++looked % KEYS_PER_TURN === 0) await new Promise<void>((resolve) => afterTurn(resolve))
    }
  }

  async #hasAny(kind: PartKind): Promise<boolean> {
    const range = prefixRange(reservedKey(kind).tuple)
    const { keys } = await this.#options.back.scanKeys(range, { after: undefined, limit: 1, reverse: false })
    return keys.length > 0
  }

  async #isOld({ kind, owner, id }: PartOf, isOld: (writtenAt: number) => boolean): Promise<boolean> {
    const range = prefixRange(partsKey(kind, owner, id).tuple)
    const { keys } = await this.#options.back.scanKeys(range, { after: undefined, limit: 1, reverse: true })
    return keys[0] === undefined || isOld(keys[0].writtenAt)
  }

  /** @returns how many parts were removed; 0 when it stands, or somebody writes it */
  async #remove(group: PartOf): Promise<number> {
    const { leases } = this.#options.back
    const key = partsKey(group.kind, group.owner, group.id)
    for (let attempt = 1; ; attempt++) {
      const { lease } = await leases.acquire(key, LEASE_MS)
      if (lease === undefined) return 0
      try {
        // From here on nobody writes it any more; until here its writer may have come to its end.
        if (await isStanding(this.#options, group.owner, group.id)) return 0
        return await this.#removeUnder(lease, group)
      } catch (error) {
        // An append that came right before the log was deleted, and right after the lease was given.
        const isLost = error instanceof TidemarkError && error.code === 'LEASE_LOST'
        if (!isLost || attempt === ATTEMPTS) throw error
      } finally {
        await leases.release(lease).catch(() => undefined)
      }
    }
  }

  async #removeUnder(lease: Lease, group: PartOf): Promise<number> {
    const { back } = this.#options
    let removed = 0
    let stands = false
    for await (const keys of this.#keysOf(group)) {
      const writes = keys.map((key): DeleteWrite => ({ op: 'delete', key }))
      const { changes } = await back.commit({
        reads: [group.owner],
        lease,
        keepLease: true,
        // Once more, in the transaction itself: whatever else may bring a head back.
        decide: ([head]) => {
          stands = head !== undefined && headIdOf(head)?.equals(group.id) === true
          return stands ? [] : writes
        },
      })
      removed += changes.length
      if (stands || !(await back.leases.renew(lease, LEASE_MS))) break
    }
    return removed
  }

  /** The keys of the parts that are there, in batches. */
  async *#keysOf({ kind, owner, id }: PartOf): AsyncGenerator<readonly StoreKey[], void> {
    const { back } = this.#options
    const base = partsKey(kind, owner, id)
    const range = prefixRange(base.tuple)
    for (let isMore = true; isMore;) {
      const { keys, isLast } = await back.scanKeys(range, { after: undefined, limit: BATCH[kind], reverse: false })
      isMore = !isLast
      if (keys.length > 0) yield keys.map(({ key }) => key)
    }
  }
}
