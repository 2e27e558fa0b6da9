import { type Feature, notOffered, type RaceCache } from './race-cache.ts'

/** What a product lacks that stores in the shared tier, and does no more. */
export const SHARED_TIER_LACKS: Readonly<Record<Feature, string>> = {
  loader: 'no loader',
  tags: 'no tags',
  bus: 'no memory tier',
  refresh: 'no refresh',
  cluster: 'not in question',
}

/** The methods in place of that. */
export const NOT_OFFERED: Pick<RaceCache, 'load' | 'invalidateTag' | 'memoised'> = {
  load: notOffered('loader'),
  invalidateTag: notOffered('tags'),
  memoised: notOffered('loader'),
}
