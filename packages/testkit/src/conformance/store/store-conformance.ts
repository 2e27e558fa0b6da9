import { describe } from 'vitest'
import { describeBatches } from './batches.ts'
import { describeBlobWrites } from './blob-writes.ts'
import { describeBlobs } from './blobs.ts'
import { describeConcurrency } from './concurrency.ts'
import { describeConditions } from './conditions.ts'
import { describeEvents } from './events.ts'
import { describeGrace } from './grace.ts'
import { describeHungLoads } from './hung-loads.ts'
import { describeLists } from './lists.ts'
import { describeListings } from './listings.ts'
import { describeLoading } from './loading.ts'
import { describeLogs } from './logs.ts'
import { describeOptions } from './options.ts'
import { describePaths } from './paths.ts'
import { describePartRemoval } from './part-removal.ts'
import { type OpenStoreBack, type StartStore, startStore, type StoreCapabilities } from './store-suite.ts'
import { describeOvertaking } from './overtaking.ts'
import { describeSweeps } from './sweeps.ts'
import { describeTags } from './tags.ts'
import { describeTransactionLogs } from './transaction-logs.ts'
import { describeUpdates } from './updates.ts'
import { describeValues } from './values.ts'

/** What users of the rich API are promised, above whatever `open` opens: a back tier alone, or tiers under a policy. */
export function storeConformance(name: string, open: OpenStoreBack, capabilities?: StoreCapabilities): void {
  const start: StartStore = () => startStore(open, capabilities)
  describe(`store: ${name}`, () => {
    describeValues(start)
    describeConditions(start)
    describeUpdates(start)
    describePaths(start)
    describeBatches(start)
    describeListings(start)
    describeConcurrency(start)
    describeEvents(start)
    describeOptions(start)
    describeLists(start)
    describeLoading(start)
    describeOvertaking(start)
    describeHungLoads(start)
    describeGrace(start)
    describeTags(start)
    describeLogs(start)
    describeTransactionLogs(start)
    describeBlobs(start)
    describeBlobWrites(start)
    describeSweeps(start)
    describePartRemoval(start)
  })
}
