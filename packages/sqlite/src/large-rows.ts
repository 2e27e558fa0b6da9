/**
 * How much of a row of `entry` SQLite keeps on the page that its key is found on: of an index b-tree,
 * `(usable - 12) * 64 / 255 - 23` bytes, which is 1,002 for pages of 4,096 (https://sqlite.org/fileformat2.html#cell_payload). The
 * rest of a larger row lies on other pages, and whoever looks for any key compares with whole rows: every step of a search that
 * meets a large one reads all of it. So no row is larger, however large the value.
 */
export const ROW_BYTES = 1_002

/** What a row takes beside key, value and meta: a header of 10 bytes, and version, end and date of up to 8 each. */
const FIXED_BYTES = 34

/**
 * Whether a row of these lengths is too large for its page, so that value and meta go to `large_value`.
 *
 * A key of more than {@link ROW_BYTES} alone stays too large, as the row is found by it: such keys read their overflow page
 * with every comparison, of up to 4 KiB.
 */
export function isLargeRow(keyBytes: number, valueBytes: number, metaBytes: number): boolean {
  return keyBytes + valueBytes + metaBytes > ROW_BYTES - FIXED_BYTES
}

/** Over what may be there of a damaged file: no two entries share a version. */
export const INSERT_LARGE = 'INSERT OR REPLACE INTO large_value (version, meta, value) VALUES'
