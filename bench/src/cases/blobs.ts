import { BLOB_KINDS } from '../contenders/blobs/open-blob-place.ts'
import type { Case, Place, Target } from '../runner/case.ts'

/** 256 MiB, in pieces of 256 KiB. */
const PIECES = 1_024
const QUICK_PIECES = 40

const piecesIn = ({ quick }: Place): number => (quick ? QUICK_PIECES : PIECES)

function blobs(name: string, does: 'blobWrites' | 'blobReads', measures: string, rounds: number): Case {
  return {
    name,
    measures,
    needsRedis: false,
    contenders: BLOB_KINDS.map((kind) => ({
      name: kind,
      open: async (place) =>
        (await import('../contenders/blobs/blob-transfers.ts'))[does](place, kind, piecesIn(place)),
    })),
    targets: [
      { kind: 'times', ours: 'tidemark', against: ['sqlite-chunks'] },
      { kind: 'times', ours: 'tidemark', against: ['file'] },
    ] satisfies readonly Target[],
    fixed: { times: PIECES, quickTimes: QUICK_PIECES, rounds },
  }
}

export const blobWrite: Case = blobs(
  'blob-write',
  'blobWrites',
  'a blob of 256 MiB from an iterable of 256 KiB each, until it is on the disk; per 256 KiB',
  3,
)

export const blobRead: Case = blobs('blob-read', 'blobReads', 'all of a blob of 256 MiB; per 256 KiB', 5)
