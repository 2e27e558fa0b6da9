import { isReady, type Server, versionOf, withRecord } from '../state/server.ts'
import { executed, raise, reach } from './fence.ts'
import type { Rules } from './rules.ts'

/** A step along the log. */
export interface SentStep {
  readonly from: number
  /** The keys of the changes from + 1, from + 2, … */
  readonly keys: readonly number[]
  /** Of the session that it was sent in. */
  readonly epoch: number
  readonly mark: number
}

/** TAIL: all of it, or nothing. */
export function tail(server: Server, step: SentStep, rules: Rules): Server {
  if (!accepts(server, step, rules)) return server
  const { from, keys, mark } = step
  return reach(moveWatermark(execute(server, step, rules), step), from + keys.length, mark, rules)
}

/** Whether the step starts where the server stands. */
export function accepts(server: Server, { from, epoch }: SentStep, { flaw }: Rules): boolean {
  if (!isReady(server)) return false
  if (epoch !== server.epoch && flaw !== 'tail-ignores-epoch') return false
  return server.watermark === from || flaw === 'tail-from-anywhere'
}

/** Removes what the changes have replaced, and counts them as executed. */
export function execute(server: Server, { from, keys }: SentStep, rules: Rules): Server {
  const { flaw } = rules
  let after = server
  keys.forEach((key, i) => {
    const seq = from + 1 + i
    if (versionOf(after, key) < seq && flaw !== 'tail-removes-nothing') after = withRecord(after, key, undefined)
    after = flaw === 'tail-raises-no-fence' ? executed(after, key, seq) : raise(after, key, seq, rules)
  })
  return after
}

export function moveWatermark(server: Server, { from, keys, mark }: SentStep): Server {
  return { ...server, watermark: from + keys.length, mark }
}
