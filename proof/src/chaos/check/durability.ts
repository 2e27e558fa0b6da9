import type { WriteEvent } from '../history/events.ts'
import type { Describer } from './describe.ts'
import type { Evidence } from './evidence.ts'
import type { Findings } from './findings.ts'
import type { Logged } from './logged.ts'

/** Every acknowledged version is in the log, as that write; and the log has no gap. */
export function checkDurability({ log, history }: Evidence, findings: Findings, describe: Describer): void {
  const bySeq = new Map(log.map((change) => [change.seq, change]))
  let last = 0
  for (const { seq } of log) {
    const before = last
    if (seq !== before + 1) findings.add('lostWrites', () => `the log goes on with ${seq} after ${before}`)
    last = seq
  }
  for (const write of history.writes) {
    const { ack } = write
    if (ack === undefined || !ack.changed) continue
    const logged = bySeq.get(ack.version)
    if (isSame(write, logged)) continue
    findings.add('lostWrites', () => {
      const found = logged === undefined ? 'nothing' : `${logged.op} ${logged.key} ${logged.id ?? ''}`.trimEnd()
      return `${describe.write(write)}, but the log has ${found} there`
    })
  }
}

function isSame({ key, op, id }: WriteEvent, logged: Logged | undefined): boolean {
  if (logged === undefined || logged.key !== key) return false
  return op === 'delete' || op === 'invalidate' ? logged.op === op : logged.id === id
}
