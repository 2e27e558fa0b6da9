import { describe } from 'vitest'
import { describeAgreements } from './agreements.ts'
import {
  type BackCapabilities,
  type OpenBack,
  type StartBack,
  startBack,
  type StartBacks,
  startBacks,
} from './back-suite.ts'
import { describeClosing } from './closing.ts'
import { describeCommits } from './commits.ts'
import { describeCompaction } from './compaction.ts'
import { describeDates } from './dates.ts'
import { describeExpiry } from './expiry.ts'
import { describeGroups } from './groups.ts'
import { describeInterleavings } from './interleavings.ts'
import { describeLeaseEndings } from './lease-endings.ts'
import { describeLeases } from './leases.ts'
import { describeListeners } from './listeners.ts'
import { describeKeptChanges } from './kept-changes.ts'
import { describeLittleLog } from './little-log.ts'
import { describeLogModel } from './log-model.ts'
import { describeLog } from './log.ts'
import { describeMarkedCommits } from './marked-commits.ts'
import { describeMarks } from './marks.ts'
import { describeReads } from './reads.ts'
import { describeRestores } from './restores.ts'
import { describeScans } from './scans.ts'
import { describeSearches } from './searches.ts'
import { describeSources } from './sources.ts'
import { describeStamped } from './stamped.ts'

/** What every back tier promises, as tests of the adapter that `open` opens. */
export function backConformance(name: string, open: OpenBack, capabilities: BackCapabilities = {}): void {
  const start: StartBack = () => startBack(open)
  const startTwice: StartBacks = () => startBacks(open, capabilities.reopen)
  describe(`back tier: ${name}`, () => {
    describeCommits(start)
    describeGroups(start)
    describeListeners(start)
    describeStamped(start)
    describeReads(start)
    describeScans(start)
    describeExpiry(start)
    describeLog(start, capabilities)
    describeAgreements(startTwice)
    describeLeases(startTwice)
    describeLeaseEndings(startTwice)
    describeInterleavings(startTwice)
    describeRestores(startTwice)
    describeMarks(startTwice)
    describeMarkedCommits(startTwice)
    describeDates(startTwice)
    describeSources(startTwice)
    describeSearches(startTwice)
    describeCompaction(startTwice)
    describeKeptChanges(startTwice)
    describeLogModel(startTwice)
    describeLittleLog(capabilities)
    describeClosing(open, capabilities)
  })
}
