import type { Micros } from '../clock.ts'
import type { ReadEvent } from '../history/events.ts'
import type { Describer } from './describe.ts'
import type { Evidence } from './evidence.ts'
import type { Findings } from './findings.ts'
import { Intervals } from './intervals.ts'
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
    const { read, truth, place } = placed
    const staleness = read.invoke - truth.missedSince(place)
    if (staleness <= 0) return
    this.staleReads++
    this.#maxStaleness = Math.max(this.#maxStaleness, staleness)
    const { boundMs } = this.#evidence
    const allowed = allowedStaleness(read, this.#evidence)
    if (staleness > (isExact(read) ? 0 : boundMs * 1e3)) this.#report('staleBeyondBound', placed, staleness)
    if (allowed === 0 || !this.#isExcused(placed)) this.#report('staleAfterAck', placed, staleness)
  }

  /** The writers of what was missed were told that a front had not taken it; or the front may have lost it since. */
  #isExcused({ read, truth, place }: PlacedRead): boolean {
    const missed = truth.missedAppliedSince(place)
    return missed >= read.invoke || this.#rollbacks.overlap(missed, read.return)
  }

  #report(kind: 'staleBeyondBound' | 'staleAfterAck', { read, truth, place }: PlacedRead, staleness: Micros): void {
    const describe = this.#describe
    this.#findings.add(kind, () => {
      const missed = truth.missedSince(place)
      const state = truth.states.find(({ ackedAt }, i) => i > place && ackedAt === missed)
      const saw = `${describe.read(read)}, version ${truth.states[place]!.seq}`
      const later = `${(staleness / 1e3).toFixed(1)} ms after version ${state?.seq} (${state?.id ?? 'deleted'})`
      return `${saw}, ${later} was acknowledged; ${describe.faultsAround(missed, read.return, this.#aftermath)}`
    })
  }
}
