/** What every peer is asked for. The values are plain objects, the keys strings. */
export interface Peer {
  get(key: string): Promise<unknown>
  set(key: string, value: unknown): Promise<unknown>
  close(): Promise<void>
}

/** Entries live this long everywhere, in milliseconds: longer than any run, so that nobody is measured while expiring. */
export const TTL_MS: number = 3_600_000

/** Room for every working set in each memory tier: nobody is measured while evicting. */
export const MEMORY_ENTRIES: number = 200_000
