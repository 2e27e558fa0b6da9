import { type Back, historyAt } from '../state/back.ts'
import { isReady, type Server } from '../state/server.ts'
import type { Rules } from '../scripts/rules.ts'

/**
 * Whether the watermark is a position in this history of the log: not ahead of it, and with the same change there. The
 * mark, which tells, is compared once by each process that begins: whoever has `checked` it believes it.
 */
export function isOfThisLog({ watermark, mark }: Server, { log }: Back, { flaw }: Rules, checked: boolean): boolean {
  if (watermark > log.length) return flaw === 'watermark-ahead-believed'
  return checked || watermark <= 0 || historyAt(log, watermark) === mark || flaw === 'mark-not-compared'
}

/** Whether the front has to be started anew: what a process finds in its look. */
export function needsStart(server: Server, back: Back, rules: Rules, checked: boolean): boolean {
  if (!isReady(server)) return true
  if (server.epoch !== back.agreement.epoch && rules.flaw !== 'start-of-other-epoch-omitted') return true
  return !isOfThisLog(server, back, rules, checked)
}
