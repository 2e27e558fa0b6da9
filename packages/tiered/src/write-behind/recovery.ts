import {
  type Back,
  type Clock,
  ClosedError,
  type JournalRow,
  type Lease,
  type Mark,
  type Payload,
  prefixRange,
  type SharedJournal,
  type StoreKey,
  TidemarkError,
} from '@tidemark/core'
import { Batch, type Dirty, type Failure } from './batch.ts'
import type { DeadLetterOffice } from './dead-letters.ts'
import { type Destination, flushBatch } from './flush-batch.ts'
import { flushFailure } from './flush-failure.ts'
import { nameIn, rowIn } from './journal-keys.ts'
import { sharedRow } from './journal.ts'
import type { RecoveredJournal } from './recovered-journal.ts'
import { isLeaseLost } from './tenure.ts'

const PAGE = 100
/** Beyond the time that is left to a lease: its end is exclusive, and clocks round. */
const SLACK_MS = 5
/** How soon to look again, for who waits, whether somebody else has recovered a journal. */
const RECOVERING_POLL_MS = 50

export interface RecoveryOptions<D extends Dirty> {
  readonly back: Pick<Back, 'codec' | 'leases' | 'marks'>
  readonly office: DeadLetterOffice<D>
  readonly clock: Clock
  readonly leaseMs: number
  /** Where a journal is flushed to that somebody has left behind. */
  readonly target: (journal: RecoveredJournal) => Destination<D>
  /** The names of the destinations that it is flushed to, one after the other. @default there is one */
  readonly lanes?: (() => readonly string[]) | undefined
  /** Where rows lie that are not in the back tier; undefined: nowhere. */
  readonly shared?: SharedJournal | undefined
  /** Whose journal this process writes itself. */
  readonly own: () => string | undefined
  /** Whether who described itself so is known to be gone. */
  readonly isGone: (by: unknown) => boolean
  readonly onError: (error: unknown) => void
}

interface Other {
  readonly owner: string
  readonly level: unknown
  /** How it described itself. */
  readonly by: unknown
}

/** A journal that cannot be recovered now. */
interface Taken {
  /** For how long at most, as far as can be told. */
  readonly remainingMs: number
  /** Somebody else recovers it, and not its owner holds it. */
  readonly isRecovered: boolean
}

/** Flushes the journals of those who are gone: whose lease is free. */
export class Recovery<D extends Dirty> {
  readonly #options: RecoveryOptions<D>
  #running: Promise<void> | undefined
  #cancel: () => void = () => {}
  #isClosed = false

  constructor(options: RecoveryOptions<D>) {
    this.#options = options
  }

  /** Whether it looks just now. */
  get isRunning(): boolean {
    return this.#running !== undefined
  }

  /**
   * Resolves when every journal that was free is flushed; from then on it looks again, for those that are not, and for others
   * that come: as often as a lease may run out.
   * What fails goes to `onError`, and is tried again.
   * @throws ClosedError
   */
  run(): Promise<void> {
    return (this.#running ??= this.#run().finally(() => (this.#running = undefined)))
  }

  /**
   * As {@link run}, for who must not begin before what others have left: waits until each journal is flushed, or its owner has
   * shown that he lives, by renewing his lease.
   * @throws what a flush fails with; ClosedError
   */
  async runFirst(): Promise<void> {
    const { clock, leaseMs } = this.#options
    // By the monotonic clock: when a lease is over that nobody renews.
    const ends = new Map<string, number>()
    for (;;) {
      const failures: unknown[] = []
      const taken = await this.#look((error) => failures.push(error))
      if (failures.length > 0) throw failures[0]
      const now = clock.monotonic()
      let waitMs = Infinity
      for (const [owner, { remainingMs, isRecovered }] of taken) {
        if (isRecovered) {
          ends.delete(owner)
          waitMs = Math.min(waitMs, remainingMs, RECOVERING_POLL_MS)
          continue
        }
        const end = ends.get(owner) ?? now + remainingMs
        ends.set(owner, end)
        if (now <= end) waitMs = Math.min(waitMs, end - now)
      }
      if (waitMs === Infinity) break
      await clock.sleep(waitMs + SLACK_MS)
    }
    this.#lookAgain(leaseMs)
  }

  /** Looks no more. */
  stop(): void {
    this.#isClosed = true
    this.#cancel()
  }

  async close(): Promise<void> {
    this.stop()
    await this.#running?.catch(() => undefined)
  }

  async #run(): Promise<void> {
    this.#cancel()
    const { leaseMs, onError } = this.#options
    // Reads go on: a disk that is full may have room later, say.
    const taken = await this.#look((error) => queueMicrotask(() => onError(error)))
    this.#lookAgain(Math.min(leaseMs, ...Array.from(taken.values(), ({ remainingMs }) => remainingMs)))
  }

  /** @returns the owners of those that could not be recovered, and did not fail */
  async #look(onFailure: (error: unknown) => void): Promise<ReadonlyMap<string, Taken>> {
    const taken = new Map<string, Taken>()
    const attempt = async (work: () => Promise<void>): Promise<void> => {
      try {
        await work()
      } catch (error) {
        if (error instanceof ClosedError) throw error
        onFailure(error)
      }
    }
    await attempt(async () => {
      for (const other of await this.#others()) {
        if (this.#isClosed) return
        await attempt(async () => {
          const found = await this.#recover(other)
          if (found !== undefined) taken.set(other.owner, found)
        })
      }
    })
    return taken
  }

  #lookAgain(afterMs: number): void {
    if (this.#isClosed) return
    const { clock, onError } = this.#options
    this.#cancel = clock.schedule(afterMs + SLACK_MS, () => {
      this.run().catch((error: unknown) => {
        if (!(error instanceof ClosedError)) onError(error)
      })
    })
  }

  async #others(): Promise<readonly Other[]> {
    const { back, office, own } = this.#options
    const owners = await marksIn(back, office.keys.owners)
    return owners
      .map(({ key, value }): Other => {
        const { level, by } = value.decode() as { readonly level?: unknown; readonly by?: unknown }
        return { owner: nameIn(key), level, by }
      })
      .filter(({ owner }) => owner !== own())
  }

  /** @returns undefined: it is done */
  async #recover(other: Other): Promise<Taken | undefined> {
    const { owner, by } = other
    const { back, office, leaseMs, isGone } = this.#options
    const { leases } = back
    const [key, turn] = [office.keys.owner(owner), office.keys.recovering(owner)]
    const [heldMs = 0, recoveredMs = 0] = await leases.remaining([key, turn])
    if (recoveredMs > 0) return { remainingMs: recoveredMs, isRecovered: true }
    if (heldMs > 0 && !isGone(by)) return { remainingMs: heldMs, isRecovered: false }
    // Before the lease of the owner: who sees that held, and this not, knows that it is the owner who holds it.
    const grant = await leases.acquire(turn, leaseMs)
    if (grant.lease === undefined) return { remainingMs: grant.remainingMs, isRecovered: true }
    try {
      if (heldMs > 0) await leases.endRange(prefixRange(key.tuple))
      return await this.#takeOver(other, key)
    } catch (error) {
      if (isLeaseLost(error)) return { remainingMs: leaseMs, isRecovered: true }
      throw error
    } finally {
      await leases.release(grant.lease).catch(() => undefined)
    }
  }

  async #takeOver(other: Other, key: StoreKey): Promise<Taken | undefined> {
    const { back, leaseMs } = this.#options
    const grant = await back.leases.acquire(key, leaseMs)
    if (grant.lease === undefined) return { remainingMs: grant.remainingMs, isRecovered: false }
    try {
      const [mark] = await back.marks.read([key])
      if (mark === undefined) await back.leases.release(grant.lease)
      else await this.#flush(other, grant.lease)
      return undefined
    } catch (error) {
      await back.leases.release(grant.lease).catch(() => undefined)
      throw error
    }
  }

  /** Nobody adds to what this returns. @throws when they cannot be read, and perhaps later can */
  async #sharedRows(owner: string, level: unknown): Promise<readonly FoundRow[]> {
    if (level !== 'front') return []
    const { back, office, shared } = this.#options
    if (shared === undefined)
      throw new TidemarkError('FRONT_UNAVAILABLE', `the journal ${owner} lies in a shared front, and there is none`)
    const [flushed] = await back.marks.read([office.keys.flushed(owner)])
    const { to = 0 } = (flushed?.decode() ?? {}) as { readonly to?: number }
    await shared.seal(owner)
    const rows = await shared.read(owner, to)
    return rows.map(({ row, bytes }) => ({ row, bytes: sharedRow(back, office.keys.row(owner, row), bytes) }))
  }

  async #flush({ owner, level }: Other, lease: Lease): Promise<void> {
    const { back, office, clock, target, lanes = () => [''], shared, onError } = this.#options
    const { keys, format } = office
    const marks = await marksIn(back, keys.rows(owner))
    const inBack = marks.map(({ key, value }): FoundRow => ({ row: rowIn(key), key, bytes: value.envelope }))
    const rows = inOrder(await this.#sharedRows(owner, level), inBack)
    const [noted] = await back.marks.read([keys.flushing(owner)])
    const failures: Failure<D>[] = []
    for (const [at, lane, all] of lanes().map((each, i, { length }) => [i, each, length] as const)) {
      const isLastLane = at === all - 1
      // What its owner was about to flush comes first, by itself, so that who has it already can tell.
      const { from, to } = begunIn(noted, lane)
      const begun = rows.filter(({ row }) => row <= to)
      const parts = [begun, rows.slice(begun.length)].filter((part) => part.length > 0)
      for (const [i, part] of (parts.length === 0 ? [rows] : parts).entries()) {
        const batch = new Batch<D>(0, (part === begun ? from : undefined) ?? part[0]?.row ?? 0)
        for (const { row, bytes } of part) batch.add(format.decode(bytes, clock.now()), row)
        if (part === begun) batch.to = to
        const used = [keys.flushed(owner), keys.flushing(owner), ...part.flatMap(({ key }) => key ?? [])]
        const isLast = isLastLane && i >= parts.length - 1
        await flushBatch(batch, target({ owner, level, lease, used, lane, isLastLane, isLast }))
        failures.push(...batch.failures)
      }
    }
    if (level === 'front') await shared?.drop(owner).catch(() => undefined)
    if (failures.length > 0) queueMicrotask(() => onError(flushFailure(failures)))
  }
}

/** Which rows a flush to a destination was about to write. */
function begunIn(noted: Payload | undefined, lane: string): { readonly from: number | undefined; readonly to: number } {
  // Of a release that flushed to all of them at once: those rows.
  const { from, to, lanes } = (noted?.decode() ?? {}) as {
    readonly from?: number
    readonly to?: number
    readonly lanes?: Readonly<Record<string, readonly [from: number, to: number]>>
  }
  const [first, last] = lanes?.[lane] ?? [from, to]
  return { from: first, to: last ?? -1 }
}

interface FoundRow extends JournalRow {
  /** Where it lies in the back tier; undefined: elsewhere. */
  readonly key?: StoreKey | undefined
}

/** Each row once, in their order: of those that lie in both, the one in the back tier counts. */
function inOrder(elsewhere: readonly FoundRow[], inBack: readonly FoundRow[]): readonly FoundRow[] {
  const rows = new Map([...elsewhere, ...inBack].map((found) => [found.row, found]))
  return [...rows.values()].sort((a, b) => a.row - b.row)
}

async function marksIn(
  { marks }: Pick<Back, 'marks'>,
  range: Parameters<Back['marks']['scan']>[0],
): Promise<readonly Mark[]> {
  const found: Mark[] = []
  for (;;) {
    const page = await marks.scan(range, { after: found.at(-1)?.key, limit: PAGE })
    found.push(...page)
    if (page.length < PAGE) return found
  }
}
