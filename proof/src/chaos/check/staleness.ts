import type { Micros } from '../clock.ts'
import type { Evidence } from './check.ts'
import type { Describer } from './describe.ts'
import type { Findings } from './findings.ts'
import { Intervals } from './intervals.ts'
import type { PlacedRead } from './sessions.ts'

/** No read misses what was acknowledged before it: not at all, or, while a fault is in progress, not beyond the bound. */
export class StalenessCheck {
  staleReads = 0
  #maxStaleness: Micros = 0
  readonly #strict: boolean
  readonly #bound: Micros
  readonly #aftermath: Micros
  readonly #inFault: Intervals
  readonly #findings: Findings
  readonly #describe: Describer

  constructor({ ack, boundMs, aftermathMs, faults }: Evidence, findings: Findings, describe: Describer) {
    this.#strict = ack === 'strict'
    this.#bound = boundMs * 1e3
    this.#aftermath = aftermathMs * 1e3
    this.#inFault = new Intervals(faults.map(({ from, to }) => ({ from, to: to + this.#aftermath })))
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
    const isExact = read.via === 'linearizable' || read.via === 'last'
    if (staleness > (isExact ? 0 : this.#bound)) this.#report('staleBeyondBound', placed, staleness)
    if (this.#strict || isExact || !this.#isExcused(placed)) this.#report('staleAfterAck', placed, staleness)
  }

  /** In a fault; or the writers of what was missed were told that a front had not taken it, which is a fault as well. */
  #isExcused({ read, truth, place }: PlacedRead): boolean {
    const missed = truth.missedAppliedSince(place)
    return missed >= read.invoke || this.#inFault.overlap(missed, read.return)
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
