/** What a run must not do. */
export const VIOLATIONS = [
  /** An acknowledged write is not in the log, or the log has a gap. */
  'lostWrites',
  /** A value that nobody has committed, or not under this key and version, or not with these bytes. */
  'integrity',
  /**
   * A read missed a write that had been acknowledged before it was invoked. Allowed where a front had not taken the write,
   * or may have lost it since; not so with `strict`.
   */
  'staleAfterAck',
  /** A read missed a write that had been acknowledged longer than the bound before it was invoked. */
  'staleBeyondBound',
  /** A read returned what nobody had begun to write yet. */
  'futureReads',
  /** A write that began after another one had returned came before it in the log. */
  'disorderedWrites',
  /** A process did not see what it had written or read before. */
  'sessionViolations',
  /** A counter does not equal its increments. */
  'lostUpdates',
  /**
   * A load was stored although somebody had written the key, or invalidated one of its tags, since its loader was called; or
   * one that was not stored reached somebody who had asked later, or in another process.
   */
  'overtakenLoads',
  /** When everything had come to rest, a front or a worker differed from the back tier. */
  'diverged',
  /** A call failed because of a front, or did not return. */
  'failedCalls',
] as const

export type ViolationKind = (typeof VIOLATIONS)[number]

export interface Finding {
  readonly count: number
  /** The first few. */
  readonly excerpts: readonly string[]
}

const EXCERPTS = 5

/** Counts violations, and keeps the first of each kind to show. */
export class Findings {
  readonly #found = new Map<ViolationKind, { count: number; excerpts: string[] }>()

  /** `excerpt` is only asked for where it is kept. */
  add(kind: ViolationKind, excerpt: () => string): void {
    const known = this.#found.get(kind)
    const finding = known ?? { count: 0, excerpts: [] }
    if (known === undefined) this.#found.set(kind, finding)
    finding.count++
    if (finding.excerpts.length < EXCERPTS) finding.excerpts.push(excerpt())
  }

  count(kind: ViolationKind): number {
    return this.#found.get(kind)?.count ?? 0
  }

  all(): Readonly<Partial<Record<ViolationKind, Finding>>> {
    return Object.fromEntries(this.#found)
  }
}
