import {
  type Back,
  type BlobHead,
  type Clock,
  type Entry,
  headPayload,
  type KeyRange,
  type Lease,
  newId,
  type Payload,
  partsKey,
  prefixRange,
  type SetWrite,
  StoreKey,
  TidemarkError,
  type Uuid,
} from '@tidemark/core'
import type { Intake, SyncSource } from './incoming.ts'

/** Parts per look at the source, and per commit in the target. */
const ELEMENTS = 500
const CHUNKS = 4
/** From one commit to the next, and from the last one to that of the head. */
const LEASE_MS = 60_000
/** How long it waits at a time for somebody else's. */
const WAIT_MS = 1_000

export interface PartCopiesOptions {
  readonly from: SyncSource
  readonly to: Pick<Back, 'commit' | 'leases' | 'codec'>
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * Copies what a log or a blob is made of, before the head that names it: so it is whole in the target when readers find it.
 * Until then a lease keeps its parts from being collected there, as it does where they are written first; a process that has
 * lost it copies nothing more.
 */
export class PartCopies {
  readonly #options: PartCopiesOptions
  readonly #intake: Intake
  /** Of what was copied and has no head yet. */
  #held: Lease[] = []
  #renewedAt = -Infinity

  constructor(options: PartCopiesOptions, intake: Intake) {
    this.#options = options
    this.#intake = intake
  }

  /**
   * Under an id of its own: what another attempt has left is not in its way.
   * @param owner its key in the source
   * @param key in the target
   * @returns what its head is to hold in the target; undefined: the source does not have it any more
   */
  async blob(owner: StoreKey, key: StoreKey, head: BlobHead): Promise<Payload | undefined> {
    const id = newId()
    const base = partsKey('chunk', key, id)
    const lease = await this.#lease(base)
    const count = Math.ceil(head.size / head.chunkBytes)
    let copied = 0
    for await (const entries of this.#pages(prefixRange(partsKey('chunk', owner, head.id).tuple), CHUNKS)) {
      if (entries.some((entry, i) => numberOf(entry) !== copied + i)) return undefined
      await this.#commit(
        lease,
        entries.map((entry) => this.#chunk(base, entry)),
      )
      copied += entries.length
    }
    return copied === count ? headPayload(this.#options.to.codec, { ...head, id }) : undefined
  }

  /** The elements that there were at `asOf`; later ones come with the changes that appended them. */
  async log(owner: StoreKey, key: StoreKey, id: Uuid, asOf: number): Promise<void> {
    const lease = await this.#lease(partsKey('element', key, id))
    for await (const entries of this.#pages(prefixRange(partsKey('element', owner, id).tuple), ELEMENTS)) {
      const items = entries.flatMap((entry) => (entry.version > asOf ? [] : (this.#intake.ofElement(entry) ?? [])))
      await this.#commit(
        lease,
        items.map(({ write }) => write as SetWrite),
      )
    }
  }

  /** What was copied has its heads, or is not to have any. */
  async release(): Promise<void> {
    const held = this.#held
    this.#held = []
    for (const lease of held) await this.#options.to.leases.release(lease)
  }

  #chunk(base: StoreKey, entry: Entry): SetWrite {
    const { log } = this.#options.from
    return {
      op: 'set',
      key: StoreKey.of([...base.tuple, numberOf(entry)]),
      payload: this.#intake.copied(entry.payload),
      expiresAt: undefined,
      meta: undefined,
      path: undefined,
      leftOut: true,
      source: { log: log.identity.id, seq: entry.version, at: entry.writtenAt, origin: '' },
    }
  }

  async *#pages(range: KeyRange, limit: number): AsyncGenerator<readonly Entry[], void> {
    const { from, signal } = this.#options
    let after: StoreKey | undefined
    for (let isMore = true; isMore;) {
      signal.throwIfAborted()
      const { entries, isLast } = await from.scan(range, { after, limit, reverse: false })
      if (entries.length > 0) yield entries
      after = entries.at(-1)?.key
      isMore = !isLast
    }
  }

  /** What is there already stays: a part is never another one. */
  async #commit(lease: Lease, writes: readonly SetWrite[]): Promise<void> {
    const { to } = this.#options
    const reads = writes.map(({ key }) => key)
    await to.commit({
      reads,
      lease,
      keepLease: true,
      decide: (found) => writes.filter((_, i) => found[i] === undefined),
    })
    await this.#renew()
  }

  /** Also those of what was copied before: all of them wait for the commit that comes at the end of the batch. */
  async #renew(): Promise<void> {
    const { to, clock } = this.#options
    if (clock.monotonic() - this.#renewedAt < LEASE_MS / 3) return
    this.#renewedAt = clock.monotonic()
    for (const lease of this.#held) {
      if (await to.leases.renew(lease, LEASE_MS)) continue
      const { id } = lease.key
      throw new TidemarkError('LEASE_LOST', `what was copied under ${id} may have been collected: it is copied again`)
    }
  }

  /** Waits until whoever had it before is done, or gone. */
  async #lease(base: StoreKey): Promise<Lease> {
    const { to, clock, signal } = this.#options
    for (;;) {
      signal.throwIfAborted()
      const grant = await to.leases.acquire(base, LEASE_MS)
      if (grant.lease !== undefined) {
        this.#held.push(grant.lease)
        return grant.lease
      }
      await clock.sleep(Math.min(grant.remainingMs, WAIT_MS))
    }
  }
}

function numberOf({ key }: Entry): number {
  return key.tuple.at(-1) as number
}
