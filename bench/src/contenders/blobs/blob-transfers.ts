import type { Place, Subject } from '../../runner/case.ts'
import { PieceCheck, piecesOf } from '../../workload/pieces.ts'
import { Companion } from '../companion.ts'
import type { BlobOrder, BlobSetup } from './blob-writer-process.ts'
import { type BlobKind, openBlobPlace } from './open-blob-place.ts'

const MB = 1_000_000

/** The kernel's own high-water mark, in KiB, beyond what the process took before the first blob. */
function growthSince(rss: number): number {
  return Math.round((process.resourceUsage().maxRSS * 1024 - rss) / MB)
}

/** Writing a blob of as many pieces as a round has, to where there is none. */
export async function blobWrites(place: Place, kind: BlobKind, pieces: number): Promise<Subject> {
  const blobs = await openBlobPlace(kind, place)
  const atStart = process.memoryUsage.rss()
  let growth = 0
  return {
    prepare: () => blobs.remove(),
    async run(times) {
      await blobs.write(piecesOf(times))
      growth = growthSince(atStart)
    },
    async check() {
      if (growth === 0) return
      const check = new PieceCheck()
      await blobs.read((bytes) => check.take(bytes))
      check.assertWhole(pieces)
    },
    notes: async () => ({ 'peak RSS growth, MB': growth }),
    close: () => blobs.close(),
  }
}

/** Reading all of a blob, from its beginning. */
export async function blobReads(place: Place, kind: BlobKind, pieces: number): Promise<Subject> {
  // Elsewhere: what writing takes in memory is not what reading does.
  const writer = new Companion<BlobOrder, void>(new URL('./blob-writer-process.ts', import.meta.url), {
    place,
    kind,
  } satisfies BlobSetup)
  await writer.ask({ pieces })
  await writer.close()
  const blobs = await openBlobPlace(kind, place)
  const atStart = process.memoryUsage.rss()
  const read = async (): Promise<void> => {
    const check = new PieceCheck()
    await blobs.read((bytes) => check.take(bytes))
    check.assertWhole(pieces)
  }
  return {
    run: read,
    check: read,
    notes: async () => ({ 'peak RSS growth, MB': growthSince(atStart) }),
    close: () => blobs.close(),
  }
}
