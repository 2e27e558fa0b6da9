import { type Bound, SHORT } from '../state/back.ts'
import { APPLIED, COMMITTED, type Writer } from '../state/processes.ts'
import type { State } from '../state/state.ts'
import type { World } from '../world.ts'
import { boundOf } from './certificate.ts'

/** Why a writer may be told that it succeeded; undefined: not yet. */
export function reasonToAcknowledge(writer: Writer, state: State, world: World): string | undefined {
  const { phase, suspended, agreedServer, agreedTerm, agreedWait, appliedAt, seq, told } = writer
  if (phase !== COMMITTED && phase !== APPLIED) return undefined
  const { scenario, flaw } = world
  if (!told || !scenario.acknowledges) return undefined
  if (!scenario.certificates) return phase === APPLIED ? 'applied' : undefined
  // Nobody who writes wants more than the shorter bound.
  const wait = flaw === 'wait-for-own-bound' ? SHORT : agreedWait
  const isSettled = termIsSettled(agreedTerm, wait, state, world)
  const isAgreed = appliedAt === agreedServer || flaw === 'ack-from-any-server'
  if (phase === APPLIED && isAgreed && (isSettled || flaw === 'ack-without-term-age')) return 'applied'
  if (suspended && (isSettled || flaw === 'ack-suspended-at-once')) return 'suspended'
  return hasWaited(seq, wait, state, world) ? 'after Δ' : undefined
}

/** Whether so much time may have passed since the commit: every certificate that was sampled before it, and lives no longer, has run out. */
function hasWaited(seq: number, wait: Bound, { readers }: State, world: World): boolean {
  const { flaw } = world
  const since = flaw === 'wait-from-before-commit' ? seq - 1 : seq
  return readers.every(
    ({ certificate, sample }, i) =>
      (certificate === undefined || certificate.sinceHead >= since || certificate.bound > wait) &&
      (sample === undefined ||
        sample.head >= since ||
        flaw === 'certificate-from-end' ||
        boundOf(i, sample.bound, world) > wait),
  )
}

/** Whether the term may be known for longer than that: likewise, of those that were sampled in an earlier one. */
export function termIsSettled(term: number, wait: Bound, { readers }: State, world: World): boolean {
  return readers.every(
    ({ certificate, sample }, i) =>
      (certificate === undefined || certificate.sinceTerm >= term || certificate.bound > wait) &&
      (sample === undefined ||
        sample.term >= term ||
        world.flaw === 'certificate-from-end' ||
        boundOf(i, sample.bound, world) > wait),
  )
}
