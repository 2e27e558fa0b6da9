// Writes the blob that is read, and ends: what that takes in memory is not the reader's.
import type { Place } from '../../runner/case.ts'
import { piecesOf } from '../../workload/pieces.ts'
import { serve } from '../companion.ts'
import { type BlobKind, openBlobPlace } from './open-blob-place.ts'

export interface BlobSetup {
  readonly place: Place
  readonly kind: BlobKind
}

export interface BlobOrder {
  readonly pieces: number
}

serve<BlobSetup, BlobOrder, void>(async ({ place, kind }) => async ({ pieces }) => {
  const blobs = await openBlobPlace(kind, place)
  await blobs.write(piecesOf(pieces))
  await blobs.close()
})
