import type { TidemarkError } from '../errors.ts'

/** How far a renewal has come: entries first, then the changes of the log, then marks. */
export type RenewalPlace =
  | { readonly of: 'entries' | 'marks'; readonly after: Uint8Array | undefined }
  | { readonly of: 'changes'; readonly after: number }

/** Where one begins. */
export const RENEWAL_START: RenewalPlace = Object.freeze({ of: 'entries', after: undefined })

export interface RenewalStep {
  readonly looked: number
  readonly renewed: number
  /**
   * Of each record that stays as it is, with its key: CorruptError where it cannot be read, UNENCODABLE where the codec does
   * not write it.
   */
  readonly failed: readonly TidemarkError[]
  /** undefined: that was all. */
  readonly next: RenewalPlace | undefined
}

/**
 * Stores anew what the codec would write in another way today: with another key, another algorithm, another serializer. Keys,
 * versions, dates and the log stay as they are, and nobody is told: it is the same value.
 */
export interface Renewal {
  /**
   * Up to `limit` records, and about as many bytes as one transaction should have, in one transaction. Durable when it resolves.
   * @throws TidemarkError BUSY, READ_ONLY, DISK_FULL, IO; ClosedError
   */
  renew(from: RenewalPlace, limit: number): Promise<RenewalStep>
}

/** Of a tier that holds nothing from before it was opened. */
export const NOTHING_TO_RENEW: Renewal = Object.freeze({
  renew: async () => ({ looked: 0, renewed: 0, failed: [], next: undefined }),
})
