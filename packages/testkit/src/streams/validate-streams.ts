import { atomic } from './atomic.ts'
import { bookmarkable } from './bookmarkable.ts'
import { ordered } from './ordered.ts'
import { reliable } from './reliable.ts'
import { resumable } from './resumable.ts'
import type { SessionRule, StreamEvent, StreamHistory, StreamRule, Violation } from './stream-history.ts'
import { unique } from './unique.ts'

const RULES: Readonly<Record<StreamRule, SessionRule>> = { ordered, unique, atomic, reliable, resumable, bookmarkable }

/**
 * What is wrong with what subscribers were given, by the guarantees that etcd makes for its watches
 * (https://etcd.io/docs/latest/learning/api_guarantees/#watch-apis).
 *
 * @param log every change that was ever committed, dense from 1, whatever was compacted since
 * @throws RangeError when the log is not dense, which would make nonsense of every answer
 */
export function validateStreams(
  histories: readonly StreamHistory[],
  log: readonly StreamEvent[],
): readonly Violation[] {
  const hole = log.findIndex(({ seq }, i) => seq !== i + 1)
  if (hole >= 0) throw new RangeError(`the recorded log has ${log[hole]!.seq} where ${hole + 1} should be`)
  const violations: Violation[] = []
  for (const history of histories) {
    for (const [session, each] of history.sessions.entries()) {
      for (const [rule, find] of Object.entries(RULES) as [StreamRule, SessionRule][]) {
        for (const what of find(each, history, log)) {
          violations.push({ rule, subscriber: history.subscriber, session, what })
        }
      }
    }
  }
  return violations
}
