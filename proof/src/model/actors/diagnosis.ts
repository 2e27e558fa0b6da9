import { type Back, historyAt } from '../state/back.ts'
import { isReady, type Server } from '../state/server.ts'
import type { Rules } from '../scripts/rules.ts'

/**
 * Whether the watermark, and the highest executed seq, are positions in this history of the log: not ahead of it, and with
 * the same change there. The marks, which tell, are compared once by each process that begins: whoever has `checked` them
 * believes them.
 */
export function isOfThisLog(server: Server, { log }: Back, { flaw }: Rules, checked: boolean): boolean {
  const { watermark, mark, highest, markOfHighest } = server
  if (watermark > log.length) return flaw === 'watermark-ahead-believed'
  if (highest > log.length) return flaw === 'highest-ahead-believed'
  if (checked) return true
  const isSame = (seq: number, known: number): boolean => seq <= 0 || historyAt(log, seq) === known
  if (!isSame(watermark, mark) && flaw !== 'mark-not-compared') return false
  return isSame(highest, markOfHighest) || flaw === 'mark-of-highest-not-compared'
}

/** Whether the front has to be started anew: what a process finds in its look. */
export function needsStart(server: Server, back: Back, rules: Rules, checked: boolean): boolean {
  if (!isReady(server)) return true
  if (server.epoch !== back.agreement.epoch && rules.flaw !== 'start-of-other-epoch-omitted') return true
  return !isOfThisLog(server, back, rules, checked)
}
