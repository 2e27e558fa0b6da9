/** What a read must not fall behind: taken before the read is sent. */
export interface Expectation {
  readonly id: number
  /** Which instance is asked. */
  readonly instance: number
  /** The highest version of the place that was acknowledged to anyone by then; 0: none yet. */
  readonly version: number
}

/** What came back: version 0 and no mark for "there is no such place". */
export interface Observation {
  readonly version: number
  readonly rev: number | undefined
}

interface Absence extends Expectation {
  readonly seenAt: number
}

/** How long the deletion that explains a missing place may take to arrive on the change stream, in milliseconds. */
const EXPLAINED_WITHIN_MS = 3_000

/**
 * Holds every read against the writes that were acknowledged before it was sent. It knows only what clients know, so it
 * finds staleness wherever it comes from.
 */
export class ReadCheck {
  readonly #acknowledged = new Map<number, { version: number; rev: number | undefined }>()
  readonly #deletions = new Map<number, number>()
  #absences: Absence[] = []
  readonly #stale = new Map<number, number>()
  #torn = 0

  /** Reads that returned something older than what had been acknowledged. */
  get stale(): number {
    return this.#stale.values().reduce((sum, count) => sum + count, 0)
  }

  /** The same, of one instance. */
  staleAt(instance: number): number {
    return this.#stale.get(instance) ?? 0
  }

  /** Reads whose payload is not the one that was written as their version. */
  get torn(): number {
    return this.#torn
  }

  expect(id: number, instance: number): Expectation {
    return { id, instance, version: this.#acknowledged.get(id)?.version ?? 0 }
  }

  /** A write came back with this version. Answers may overtake one another: the highest version counts. */
  acknowledged(id: number, version: number, rev: number | undefined): void {
    const known = this.#acknowledged.get(id)
    if (known === undefined || known.version < version) this.#acknowledged.set(id, { version, rev })
  }

  /** Its deletion was acknowledged: from now on nothing is expected of it. */
  forget(id: number): void {
    this.#acknowledged.delete(id)
  }

  /** The change stream tells of a deletion, whoever made it. */
  deleted(id: number, version: number): void {
    this.#deletions.set(id, version)
  }

  observe(expected: Expectation, seen: Observation, now: number): void {
    const { id, instance, version } = expected
    if (seen.version === 0) {
      // Right if somebody deleted it since, and the stream will say so.
      if (version > 0) this.#absences.push({ ...expected, seenAt: now })
      return
    }
    if (seen.version < version) this.#count(instance)
    const latest = this.#acknowledged.get(id)
    if (latest !== undefined && latest.version === seen.version && latest.rev !== seen.rev) this.#torn++
  }

  /** A place was there although its deletion had been acknowledged, and nobody made it again. */
  resurrected(instance: number): void {
    this.#count(instance)
  }

  /** Decides about places that were missing: all of them once nothing is under way any more (`now` = Infinity). */
  settle(now: number): void {
    const isDue = ({ seenAt }: Absence): boolean => now - seenAt >= EXPLAINED_WITHIN_MS
    const due = this.#absences.filter(isDue)
    this.#absences = this.#absences.filter((absence) => !isDue(absence))
    for (const { id, instance, version } of due) {
      if ((this.#deletions.get(id) ?? 0) <= version) this.#count(instance)
    }
  }

  #count(instance: number): void {
    this.#stale.set(instance, this.staleAt(instance) + 1)
  }
}
