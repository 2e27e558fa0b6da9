import { describe } from 'vitest'
import { type BackCapabilities, type OpenBack, type StartBack, startBack } from './back-suite.ts'
import { describeClosing } from './closing.ts'
import { describeCommits } from './commits.ts'
import { describeCompaction } from './compaction.ts'
import { describeExpiry } from './expiry.ts'
import { describeGroups } from './groups.ts'
import { describeListeners } from './listeners.ts'
import { describeLog } from './log.ts'
import { describeReads } from './reads.ts'
import { describeScans } from './scans.ts'

/** What every back tier promises, as tests of the adapter that `open` opens. */
export function backConformance(name: string, open: OpenBack, capabilities: BackCapabilities = {}): void {
  const start: StartBack = () => startBack(open)
  describe(`back tier: ${name}`, () => {
    describeCommits(start)
    describeGroups(start)
    describeListeners(start)
    describeReads(start)
    describeScans(start)
    describeExpiry(start)
    describeLog(start, capabilities)
    describeCompaction(capabilities)
    describeClosing(open, capabilities)
  })
}
