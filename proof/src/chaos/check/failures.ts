import type { FailureEvent, History } from '../history/events.ts'
import type { Describer } from './describe.ts'
import type { Findings } from './findings.ts'

/**
 * A front that fails makes no call fail. A write may fail with BUSY: a process that was stopped in the middle of a
 * transaction keeps SQLite's lock for as long.
 */
export function checkFailures(history: History, findings: Findings, describe: Describer): void {
  for (const failure of history.failures) {
    if (isAllowed(failure)) continue
    const { session, op, key, code, message, invoke, return: end } = failure
    findings.add('failedCalls', () => {
      return `${session} ${op} ${key} [${describe.at(invoke)}, ${describe.at(end)}] rejected with ${code}: ${message}`
    })
  }
}

function isAllowed({ op, code }: FailureEvent): boolean {
  if (code === 'BUSY') return true
  // Failures of a front belong there; errors without a code of the store do not.
  return op === 'background' && (code === 'FRONT_UNAVAILABLE' || code === 'TIMEOUT')
}
