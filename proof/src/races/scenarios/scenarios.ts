import type { Scenario } from '../scenario.ts'
import { invalidationDuringRead } from './01-invalidation-during-read.ts'
import { deleteDuringLoad } from './02-delete-during-load.ts'
import { lateLoad } from './03-late-load.ts'
import { lostSubscription } from './04-lost-subscription.ts'
import { failedSharedWrite } from './05-failed-shared-write.ts'
import { singleFlightAcrossViews } from './06-views.ts'
import { failingLoader } from './07-failing-loader.ts'
import { tagOutlived } from './08-tag-outlived.ts'
import { corruptValue } from './09-corrupt-value.ts'
import { clearOnCluster } from './10-clear-on-cluster.ts'
import { hashedIdentity } from './11-hashed-identity.ts'
import { falsyValues } from './12-falsy-values.ts'
import { tagDuringLoad } from './13-tag-during-load.ts'
import { propagation } from './14-propagation.ts'
import { loaderError } from './15-loader-error.ts'
import { backFillTtl } from './16-back-fill-ttl.ts'
import { expiredRead } from './17-expired-read.ts'
import { keyIdentity } from './18-key-identity.ts'
import { unfencedSharedTier } from './19-unfenced-shared-tier.ts'
import { backgroundRefresh } from './20-background-refresh.ts'

/** The rows of the scoreboard, in order. */
export const SCENARIOS: readonly Scenario[] = [
  invalidationDuringRead,
  deleteDuringLoad,
  lateLoad,
  lostSubscription,
  failedSharedWrite,
  singleFlightAcrossViews,
  failingLoader,
  tagOutlived,
  corruptValue,
  clearOnCluster,
  hashedIdentity,
  falsyValues,
  tagDuringLoad,
  propagation,
  loaderError,
  backFillTtl,
  expiredRead,
  keyIdentity,
  unfencedSharedTier,
  backgroundRefresh,
]
