import type { OpenOptions } from 'tidemark'
import type { Place, Subject } from '../runner/case.ts'
import { stringKeys } from '../workload/item.ts'
import { readsOf } from '../workload/reads.ts'
import { fill, openTidemark } from './open-tidemark.ts'
import { shareOf } from './tier-share.ts'

/** The share of reads that another tier may answer: a call to Redis that met a pause of the machine and ran into its bound. */
const TOLERATED = 0.01

const LARGE_BYTES = 256 * 1024

export interface TidemarkReadsOptions {
  readonly items: number
  readonly lanes: number
  /** `string`: 'k100042', made beforehand. `tuple`: ['user', 42], made for every read, as an application would. */
  readonly keys?: 'string' | 'tuple'
  /** The tier that must answer every read; otherwise something else than the named case was measured. */
  readonly tier: 'near' | 'redis' | 'sqlite'
  /** So many large values lie between the items, which are not read. */
  readonly besideLarge?: number
  readonly open?: Omit<OpenOptions, 'file'>
}

/** Tidemark, filled, opened again, and read from one tier. */
export async function tidemarkReads(place: Place, options: TidemarkReadsOptions): Promise<Subject> {
  const { items, lanes, tier, keys = 'string', besideLarge = 0 } = options
  const names = stringKeys(items)
  const keyOf = (number: number): string | [string, number] => (keys === 'tuple' ? ['user', number] : names[number]!)
  const store = await openTidemark(place, options.open)
  await fill(store, items, keyOf)
  for (let i = 0; i < besideLarge; i++) {
    const neighbour = names[Math.floor((i * items) / besideLarge)]!
    await store.set(`${neighbour} is followed by this`, new Uint8Array(LARGE_BYTES).fill(i))
  }
  return readsOf({
    items,
    lanes,
    read: keys === 'tuple' ? (number) => store.get(['user', number]) : (number) => store.get(names[number]!),
    close: () => store.close(),
    async verify() {
      const { reads, hits } = shareOf(store, tier)
      if (hits < reads * (1 - TOLERATED))
        throw new Error(`${tier} answered ${hits} of ${reads} reads: ${JSON.stringify(store.tierStats().hits)}`)
    },
  })
}
