import type { Place } from '../../runner/case.ts'
import type { BlobPlace } from './blob-place.ts'

export const BLOB_KINDS = ['tidemark', 'sqlite-chunks', 'file'] as const

export type BlobKind = (typeof BLOB_KINDS)[number]

/** Loads no other than the one that is asked for. */
export async function openBlobPlace(kind: BlobKind, place: Place): Promise<BlobPlace> {
  switch (kind) {
    case 'tidemark':
      return (await import('./tidemark-blob.ts')).tidemarkBlob(place)
    case 'sqlite-chunks':
      return (await import('./sqlite-chunks.ts')).sqliteChunks(place)
    case 'file':
      return (await import('./plain-file.ts')).plainFile(place)
  }
}
