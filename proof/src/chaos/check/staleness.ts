import type { Micros } from '../clock.ts'
import type { ReadEvent } from '../history/events.ts'
import type { Describer } from './describe.ts'
import type { Evidence } from './evidence.ts'
import type { Findings } from './findings.ts'
import { Intervals } from './intervals.ts'
import type { State } from './key-truth.ts'
import type { PlacedRead } from './sessions.ts'

/** How long ago what a read misses may have been acknowledged, at most: when a front has failed. */
export function allowedStaleness(read: ReadEvent, { ack, boundMs }: Pick<Evidence, 'ack' | 'boundMs'>): Micros {
  return ack === 'strict' || isExact(read) ? 0 : boundMs * 1e3
}

/** Promised to miss nothing, whatever has failed. */
function isExact({ via }: ReadEvent): boolean {
  return via === 'linearizable' || via === 'last'
}

/** No read misses what was acknowledged before it: not at all, or, when a front has failed, not beyond the bound. */
export class StalenessCheck {
  staleReads = 0
  #maxStaleness: Micros = 0
  readonly #evidence: Evidence
  readonly #aftermath: Micros
  readonly #rollbacks: Intervals
  readonly #findings: Findings
  readonly #describe: Describer

  constructor(evidence: Evidence, findings: Findings, describe: Describer) {
    const { aftermathMs, faults } = evidence
    this.#evidence = evidence
    this.#aftermath = aftermathMs * 1e3
    const rollbacks = faults.filter(({ rollsBack }) => rollsBack)
    this.#rollbacks = new Intervals(rollbacks.map(({ from, to }) => ({ from, to: to + this.#aftermath })))
    this.#findings = findings
    this.#describe = describe
  }

  get maxStalenessMs(): number {
    return this.#maxStaleness / 1e3
  }

  add(placed: PlacedRead): void {
    const { read } = placed
    const staleness = read.invoke - missedBy(placed).at
    if (staleness <= 0) return
    this.staleReads++
    this.#maxStaleness = Math.max(this.#maxStaleness, staleness)
    const { boundMs } = this.#evidence
    const allowed = allowedStaleness(read, this.#evidence)
    if (staleness > (isExact(read) ? 0 : boundMs * 1e3)) this.#report('staleBeyondBound', placed, staleness)
    if (allowed === 0 || !this.#isExcused(placed)) this.#report('staleAfterAck', placed, staleness)
  }

  /** The writers of what was missed were told that a front had not taken it; or the front may have lost it since. */
  #isExcused(placed: PlacedRead): boolean {
    const { read } = placed
    const missed = missedBy(placed, true).at
    return missed >= read.invoke || this.#rollbacks.overlap(missed, read.return)
  }

  #report(kind: 'staleBeyondBound' | 'staleAfterAck', placed: PlacedRead, staleness: Micros): void {
    const describe = this.#describe
    const { read, truth, place } = placed
    this.#findings.add(kind, () => {
      const { at: missed, state } = missedBy(placed)
      const saw = `${describe.read(read)}, version ${truth.states[place]!.seq}`
      const later = `${(staleness / 1e3).toFixed(1)} ms after version ${state?.seq} (${state?.id ?? 'deleted or invalidated'})`
      return `${saw}, ${later} was acknowledged; ${describe.faultsAround(missed, read.return, this.#aftermath)}`
    })
  }
}

/** What was acknowledged first of all that the read missed: newer states, and what had made gone the value that it saw. */
function missedBy(
  { truth, place, isAbsent }: PlacedRead,
  isApplied = false,
): { readonly at: Micros; readonly state: State | undefined } {
  const at = isApplied ? truth.missedAppliedSince(place) : truth.missedSince(place)
  const gone = isAbsent ? undefined : truth.invalidationOf(place, isApplied)
  if (gone !== undefined && gone.ackedAt < at) return { at: gone.ackedAt, state: gone }
  return { at, state: truth.states.find(({ ackedAt }, i) => i > place && ackedAt === at) }
}
