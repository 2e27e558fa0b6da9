import type { LogChange } from '@tidemark/core'
import { holdRows, partOfHeld } from './held-changes.ts'

/** More pages than this cost more to look through than a read of the log does. */
const MAX_PAGES = 256

/** What a change takes beside its key and values, roughly. */
const CHANGE_OVERHEAD_BYTES = 200

export interface PageRingOptions {
  readonly maxChanges: number
  readonly maxBytes: number
}

interface HeldPage {
  readonly after: number
  readonly rows: readonly LogChange[]
  readonly bytes: number
}

/** The pages of one log that were asked for last: whole commits, dense each, bounded in sum. */
export class PageRing {
  readonly #options: PageRingOptions
  /** By the seq that they follow; the one that was asked for longest ago comes first. */
  readonly #pages = new Map<number, HeldPage>()
  #changes = 0
  #bytes = 0
  #end = 0

  constructor(options: PageRingOptions) {
    this.#options = options
  }

  /** The highest seq that was ever held since the ring was cleared. */
  get end(): number {
    return this.#end
  }

  /** What follows `after`, as far as one page holds it: whole commits, about `limit` changes, never none. */
  find(after: number, limit: number): readonly LogChange[] | undefined {
    const page = this.#pages.get(after) ?? this.#holding(after + 1)
    if (page === undefined) return undefined
    const { rows } = page
    const start = after - page.after
    // A position inside of a commit is none that a page may start at: the log says what it thinks of it.
    if (rows[start]!.first !== after + 1) return undefined
    this.#pages.delete(page.after)
    this.#pages.set(page.after, page)
    const lastIndex = Math.min(start + limit, rows.length) - 1
    return partOfHeld(rows, start, rows[lastIndex]!.last - page.after)
  }

  /**
   * Keeps a page that was read after `after`, unless it is too large, or not what it should be: that is for its reader to
   * tell, and the next one asks the log again. The array must not change any more.
   */
  add(after: number, rows: readonly LogChange[]): void {
    const end = after + rows.length
    if (rows.length === 0 || rows[0]!.first !== after + 1 || rows.at(-1)!.seq !== end || rows.at(-1)!.last !== end)
      return
    const bytes = rows.reduce((sum, row) => sum + bytesOf(row), 0)
    const { maxChanges, maxBytes } = this.#options
    if (rows.length > maxChanges || bytes > maxBytes) return
    this.#drop(this.#pages.get(after))
    holdRows(rows)
    this.#pages.set(after, { after, rows, bytes })
    this.#changes += rows.length
    this.#bytes += bytes
    this.#end = Math.max(this.#end, end)
    for (const oldest of this.#pages.values()) {
      if (this.#pages.size <= MAX_PAGES && this.#changes <= maxChanges && this.#bytes <= maxBytes) break
      this.#drop(oldest)
    }
  }

  get(seq: number): LogChange | undefined {
    const page = this.#holding(seq)
    return page?.rows[seq - page.after - 1]
  }

  clear(): void {
    this.#pages.clear()
    this.#changes = 0
    this.#bytes = 0
    this.#end = 0
  }

  #holding(seq: number): HeldPage | undefined {
    if (seq > this.#end) return undefined
    for (const page of this.#pages.values()) {
      if (seq > page.after && seq <= page.after + page.rows.length) return page
    }
    return undefined
  }

  #drop(page: HeldPage | undefined): void {
    if (page === undefined) return
    this.#pages.delete(page.after)
    this.#changes -= page.rows.length
    this.#bytes -= page.bytes
  }
}

function bytesOf({ key, payload, meta }: LogChange): number {
  return CHANGE_OVERHEAD_BYTES + key.id.length + (payload?.byteLength ?? 0) + (meta?.byteLength ?? 0)
}
