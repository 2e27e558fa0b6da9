import { tidemarkReads } from '../contenders/tidemark-reads.ts'
import type { Case, Place, Subject } from '../runner/case.ts'

const LANES = 128
const itemsIn = ({ quick }: Place): number => (quick ? 2_000 : 100_000)

export const coldRead128: Case = {
  name: 'cold-read-128',
  measures: `get() of random items out of 100,000 that only SQLite holds, ${LANES} at once`,
  needsRedis: false,
  contenders: [
    {
      name: 'tidemark',
      open: (place) =>
        tidemarkReads(place, { items: itemsIn(place), lanes: LANES, tier: 'sqlite', open: { near: false } }),
    },
    {
      name: 'sqlite-get-and-decode',
      open: async (place) =>
        (await import('../contenders/raw-values.ts')).rawReads({ ...place, items: itemsIn(place) }),
    },
  ],
  targets: [{ kind: 'times', ours: 'tidemark', against: ['sqlite-get-and-decode'], atLeast: 0.5 }],
}

export const coldReadBesideLarge: Case = {
  name: 'cold-read-beside-large',
  measures: `get() of random items out of 2,000 that only SQLite holds, between which 500 values of 256 KiB lie, ${LANES} at once`,
  needsRedis: false,
  contenders: [
    { name: 'beside-large', open: (place) => readsBeside(place, place.quick ? 50 : 500) },
    { name: 'without', open: (place) => readsBeside(place, 0) },
  ],
  targets: [{ kind: 'times', ours: 'beside-large', against: ['without'], called: 'the same without', atLeast: 0.8 }],
}

function readsBeside(place: Place, besideLarge: number): Promise<Subject> {
  return tidemarkReads(place, { items: 2_000, lanes: LANES, tier: 'sqlite', besideLarge, open: { near: false } })
}
