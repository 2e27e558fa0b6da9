import type { Report } from './figures.ts'

export interface Circumstances {
  /** How often a virtual user did something, and which part of that was to be an edit. */
  readonly turns: number
  readonly edits: number
  readonly lastError: string | undefined
  /** Of what is promised of watches. */
  readonly firstViolation: string | undefined
}

/** Of so many edits that were to be expected, none at all is no chance: less than one in 20,000. */
const CERTAINLY_SOME = 10

/** Why a run is no clean one; empty when it is. */
export function failuresOf(
  figures: Omit<Report, 'failures'>,
  { turns, edits, lastError, firstViolation }: Circumstances,
): readonly string[] {
  const {
    staleReads,
    tornReads,
    changesExpected,
    changesDelivered,
    lost,
    outOfOrder,
    duplicates,
    disagreements,
    errors,
    watched,
    reader,
    totals,
    audit,
    replica,
    verified,
  } = figures
  const failures: string[] = []
  const expectNone = (count: number, what: string): void => void (count > 0 && failures.push(`${count} ${what}`))
  expectNone(staleReads, 'reads returned something older than an acknowledged write')
  expectNone(tornReads, 'reads returned a payload that is not the one of their version')
  expectNone(lost, 'changes were lost')
  if (changesDelivered !== changesExpected) {
    failures.push(`${changesDelivered} changes were delivered, but there were ${changesExpected} to deliver`)
  }
  expectNone(outOfOrder, 'changes were delivered out of order')
  expectNone(duplicates, 'changes were delivered more than once')
  expectNone(disagreements, 'changes were not the same to everyone')
  for (const [rule, count] of Object.entries(watched.violations)) {
    expectNone(count, `times a stream was not ${rule}; the first thing that was wrong: ${firstViolation}`)
  }
  if (reader !== null) {
    expectNone(reader.stale, 'reads without the file returned something older than what its stream had shown')
    expectNone(reader.torn, 'reads without the file returned a payload that is not the one of their version')
    if (reader.reads >= CERTAINLY_SOME && reader.absent === reader.reads) {
      failures.push(`none of ${reader.reads} reads without the file found anything`)
    }
  }
  expectNone(totals.differences, `countries have other totals than their places: ${totals.first}`)
  expectNone(audit.missing, 'changes are not in the audit')
  expectNone(audit.repeated, 'changes are in the audit more than once')
  expectNone(audit.outOfOrder, 'lines of the audit come after later ones of their key')
  expectNone(audit.wrong, 'lines of the audit are not what the log has')
  expectNone(replica.differences, 'keys are not the same in the replica')
  expectNone(verified.differences, 'records in Redis are not what SQLite has')
  expectNone(errors, `requests failed; the last one: ${lastError}`)
  if (!isPutToTheTest(figures) && turns * edits >= CERTAINLY_SOME) {
    failures.push(`nothing was written in ${turns} turns, so nothing was checked`)
  }
  return failures
}

/** Whether there was anything that a read or a stream could have missed. What the fleet writes for itself, its totals, is not. */
export function isPutToTheTest({ writes, changesExpected }: Pick<Report, 'writes' | 'changesExpected'>): boolean {
  return writes > 0 && changesExpected > 0
}
