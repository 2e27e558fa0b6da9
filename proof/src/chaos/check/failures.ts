import type { FailureEvent, History, LoadEvent } from '../history/events.ts'
import type { Describer } from './describe.ts'
import type { Findings } from './findings.ts'

/**
 * A front that fails makes no call fail. A write may fail with BUSY: a process that was stopped in the middle of a
 * transaction keeps SQLite's lock for as long. A load fails with what its loader has thrown in the same process.
 */
export function checkFailures(history: History, findings: Findings, describe: Describer): void {
  const loads = new Map(history.loads.map((load) => [load.id, load]))
  for (const failure of history.failures) {
    if (isAllowed(failure, loads)) continue
    const { session, op, key, code, message, invoke, return: end } = failure
    findings.add('failedCalls', () => {
      return `${session} ${op} ${key} [${describe.at(invoke)}, ${describe.at(end)}] rejected with ${code}: ${message}`
    })
  }
}

function isAllowed({ op, code, message, session, key }: FailureEvent, loads: ReadonlyMap<string, LoadEvent>): boolean {
  if (code === 'BUSY') return true
  if (code === 'LOADER') {
    const load = loads.get(message)
    return op === 'getOrSet' && load?.outcome === 'error' && load.session === session && load.key === key
  }
  // Failures of a front belong there; errors without a code of the store do not.
  return op === 'background' && (code === 'FRONT_UNAVAILABLE' || code === 'TIMEOUT')
}
