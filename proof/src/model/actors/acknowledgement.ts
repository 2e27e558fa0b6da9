import { APPLIED, COMMITTED, type Writer } from '../state/processes.ts'
import type { State } from '../state/state.ts'
import type { World } from '../world.ts'

/** Why a writer may be told that it succeeded; undefined: not yet. */
export function reasonToAcknowledge(writer: Writer, state: State, world: World): string | undefined {
  const { phase, suspended, agreedServer, agreedTerm, appliedAt, seq, told } = writer
  if (phase !== COMMITTED && phase !== APPLIED) return undefined
  const { scenario, flaw } = world
  if (!told || !scenario.acknowledges) return undefined
  if (!scenario.certificates) return phase === APPLIED ? 'applied' : undefined
  const isSettled = termIsSettled(agreedTerm, state, world)
  const isAgreed = appliedAt === agreedServer || flaw === 'ack-from-any-server'
  if (phase === APPLIED && isAgreed && (isSettled || flaw === 'ack-without-term-age')) return 'applied'
  if (suspended && (isSettled || flaw === 'ack-suspended-at-once')) return 'suspended'
  return hasWaited(seq, state, world) ? 'after Δ' : undefined
}

/** Whether Δ may have passed since the commit: every certificate that was sampled before it has run out. */
function hasWaited(seq: number, { readers }: State, { flaw }: World): boolean {
  const since = flaw === 'wait-from-before-commit' ? seq - 1 : seq
  return readers.every(
    ({ certificate, sample }) =>
      (certificate === undefined || certificate.sinceHead >= since) &&
      (sample === undefined || sample.head >= since || flaw === 'certificate-from-end'),
  )
}

/** Whether the term may be known for longer than Δ: every certificate that was sampled in an earlier one has run out. */
function termIsSettled(term: number, { readers }: State, { flaw }: World): boolean {
  return readers.every(
    ({ certificate, sample }) =>
      (certificate === undefined || certificate.sinceTerm >= term) &&
      (sample === undefined || sample.term >= term || flaw === 'certificate-from-end'),
  )
}
