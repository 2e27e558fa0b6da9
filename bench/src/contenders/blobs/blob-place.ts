/** Where one blob can be kept. */
export interface BlobPlace {
  /** Resolves when it is on the disk. There is none before. */
  write(pieces: AsyncIterable<Uint8Array>): Promise<void>
  /** All of it, as it comes. */
  read(take: (bytes: Uint8Array) => void): Promise<void>
  /** Until nothing of it is left, and nothing to be done later. */
  remove(): Promise<void>
  close(): Promise<void>
}
