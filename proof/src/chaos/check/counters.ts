import type { History } from '../history/events.ts'
import type { Describer } from './describe.ts'
import type { Findings } from './findings.ts'
import type { Logged } from './logged.ts'

/**
 * Every increment counts once: each value of a counter is one more than that before it, each acknowledged increment is
 * among them, and each one says truly what it replaced. Open increments may count or not.
 */
export function checkCounters(log: readonly Logged[], history: History, findings: Findings, describe: Describer): void {
  const increments = history.writes.filter(({ op }) => op === 'increment')
  const counters = new Set(increments.map(({ key }) => key))
  const current = new Map<string, Logged>()
  const replacedBy = new Map<string, string | undefined>()
  for (const change of log) {
    if (!counters.has(change.key) || change.id === undefined) continue
    const before = current.get(change.key)
    replacedBy.set(change.id, before?.id)
    current.set(change.key, change)
    if (change.count === (before?.count ?? 0) + 1) continue
    findings.add('lostUpdates', () => {
      const was = before === undefined ? 'nothing' : `${before.count} (${before.id} at ${before.seq})`
      return `${change.key} went from ${was} to ${change.count} (${change.id} at ${change.seq})`
    })
  }
  for (const increment of increments) {
    const { ack, id } = increment
    if (ack === undefined) continue
    if (!replacedBy.has(id)) findings.add('lostUpdates', () => `${describe.write(increment)} is not in the log`)
    else if (replacedBy.get(id) !== ack.replaced) {
      findings.add('lostUpdates', () => {
        return `${describe.write(increment)} said it replaced ${ack.replaced}; in the log it replaced ${replacedBy.get(id)}`
      })
    }
  }
}
