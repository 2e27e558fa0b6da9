/** A write that is acknowledged and not flushed yet: the latest one of whatever `id` names. */
export interface Dirty {
  readonly id: string
  /** What it takes in memory, about. */
  readonly bytes: number
  /** A state that tells of the writes before it, and never comes before them; undefined: it is a write. */
  readonly checkpoint?: unknown
  /** The same one for what is to be written together. @default of no meaning: what stands in one row is together */
  readonly call?: object | undefined
}

/** What one flush writes: the latest write of each key, and which rows of the journal it makes superfluous. */
export class Batch<D extends Dirty> {
  /** In the order in which the keys were first written; a checkpoint after what was written before the last of it. */
  readonly writes: Map<string, D> = new Map<string, D>()
  /** Of keys that were written together, and are to be written together: one of them that stands for all. */
  readonly #together = new Map<string, string>()
  bytes = 0
  /** Also of what was overwritten since: the journal holds it until the flush. */
  journaled = 0
  /** The number of the first call that it holds writes of. */
  readonly first: number
  /** Rows of the journal: from the first one to the last. */
  readonly from: number
  readonly since: number
  to: number
  /** Somebody else has taken over the journal that it stands in. */
  isLost = false
  /** What is still to be written, one part after the other; more than one when something was refused. */
  parts: (readonly D[])[] | undefined
  readonly failures: Failure<D>[] = []

  /** @param since when its first write was acknowledged, in monotonic milliseconds */
  constructor(first: number, row: number, since = 0) {
    this.since = since
    this.first = first
    this.from = row
    this.to = row - 1
  }

  get size(): number {
    return this.writes.size
  }

  add(writes: readonly D[], row: number): void {
    // Most calls write one key, which joins nothing.
    const leader = writes.length === 1 ? undefined : writes.find(({ checkpoint }) => checkpoint === undefined)?.id
    for (const write of writes) {
      const { id, bytes } = write
      this.bytes += bytes - (this.writes.get(id)?.bytes ?? 0)
      this.journaled += bytes
      if (write.checkpoint !== undefined) this.writes.delete(id)
      else if (leader !== undefined && id !== leader) this.#join(leader, id)
      this.writes.set(id, write)
    }
    this.to = row
  }

  /** These are written, or set aside: nobody reads them here any more. */
  drop(writes: readonly D[]): void {
    for (const write of writes) if (this.writes.get(write.id) === write) this.writes.delete(write.id)
  }

  /** Two halves of a part, in order, that keep together what was written together; undefined: there are none. */
  halves(part: readonly D[]): readonly [readonly D[], readonly D[]] | undefined {
    const units = this.#units(part)
    if (units.length < 2) return undefined
    const middle = Math.ceil(units.length / 2)
    return [units.slice(0, middle).flat(), units.slice(middle).flat()]
  }

  /** Whether both are to be written together. */
  areTogether(one: Dirty, other: Dirty): boolean {
    return this.#leaderOf(one.id) === this.#leaderOf(other.id)
  }

  #join(one: string, other: string): void {
    const [a, b] = [this.#leaderOf(one), this.#leaderOf(other)]
    if (a !== b) this.#together.set(b, a)
  }

  #leaderOf(id: string): string {
    let found = id
    for (let next = this.#together.get(found); next !== undefined; next = this.#together.get(found)) found = next
    return found
  }

  #units(part: readonly D[]): readonly (readonly D[])[] {
    const units = new Map<string, D[]>()
    for (const write of part) {
      const of = this.#leaderOf(write.id)
      const unit = units.get(of)
      if (unit === undefined) units.set(of, [write])
      else unit.push(write)
    }
    return [...units.values()]
  }
}

/** What was refused for good, and set aside. */
export interface Failure<D> {
  readonly writes: readonly D[]
  readonly error: unknown
}
