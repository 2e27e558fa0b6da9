import { afterTurn } from '../../batching/after-turn.ts'
import { type KeyRange, prefixRange, rangeOf } from '../../keys/key-range.ts'
import type { StoreKey } from '../../keys/store-key.ts'
import type { Uuid } from '../../keys/uuid.ts'
import { assertKnown, wholeAtLeast } from '../../options/checks.ts'
import type { ReadOptions } from '../../ports/back.ts'
import type { Entry } from '../../ports/entry.ts'
import { readHead } from '../parts/part-head.ts'
import { partsKey } from '../parts/part-key.ts'
import { isStanding } from '../parts/is-standing.ts'
import { readSeen, replaced } from '../parts/part-reads.ts'
import type { PartStore } from '../parts/part-store.ts'
import { type WriteResult, writeResult } from '../results.ts'
import { commitSeen } from '../seen-commit.ts'
import { SET_OPTIONS, type SetOptions } from '../write-options.ts'
import { Appending } from './appending.ts'
import { elementValue, type LogElement, toLogElement } from './log-element.ts'

/** Elements per page: as many as of a listing. */
export const PAGE = 512

/** Which elements are read. */
export interface ElementsOptions {
  /** Only what was appended after this version: where an earlier reader has stopped. @default from the first one on */
  readonly after?: number | undefined
}

/**
 * An append log at one key. The first append begins it; it ends as any entry does: deleted, overwritten, expired.
 *
 * The appends of all processes stand in the order of their commits, and each costs one insert, however long the log is. It
 * is read from the back tier, page by page; a reading that has begun shows what there was then, whatever is appended
 * meanwhile, or rejects with REPLACED when the log has ended before its last page was read.
 */
export class AppendLog<
  T = unknown,
  R extends ReadOptions = ReadOptions,
  W extends object = object,
> implements AsyncIterable<T> {
  readonly #store: PartStore<R, W>
  readonly #key: StoreKey
  readonly #known: readonly string[]

  constructor(store: PartStore<R, W>, key: StoreKey) {
    this.#store = store
    this.#key = key
    this.#known = [...SET_OPTIONS, ...store.back.writeOptions]
  }

  /**
   * @param options what it says of expiry, meta and tags is that of the log, and is used by the append that begins it
   * @throws TidemarkError WRONG_TYPE when the key holds a value or a blob; UNENCODABLE; TypeError for undefined
   */
  append(element: T, options?: SetOptions & W): Promise<WriteResult> {
    return this.appendMany([element], options)
  }

  /** Appends all of them side by side, in one commit. Without any, nothing changes. @throws as {@link append} */
  async appendMany(elements: Iterable<T> & object, options?: SetOptions & W): Promise<WriteResult> {
    const { back, clock, collector, heads, assertOpen } = this.#store
    assertOpen()
    if (options !== undefined) assertKnown(options, this.#known, 'append')
    const appending = new Appending({ codec: back.codec, clock, heads }, this.#key)
    appending.add(elements, options)
    collector.watch(this.#key)
    const reads = [this.#key]
    const commit = await commitSeen(back, clock, { reads, decide: ([current]) => appending.writes(current) }, options)
    return writeResult(commit)
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return this.#eachOf(undefined, (entry) => elementValue(this.#key, entry) as T)
  }

  /** As the iteration, with versions and dates. @throws RangeError for what is no version */
  elements(options: ElementsOptions = {}): AsyncIterableIterator<LogElement<T>> {
    assertKnown(options, ['after'], 'elements')
    const { after } = options
    if (after !== undefined) wholeAtLeast('option after', after, 0)
    return this.#eachOf(after, (entry) => toLogElement<T>(this.#key, entry))
  }

  /** `fn` of what it returned for the elements before, and of the next one, oldest first. It may be asynchronous. */
  async reduce<A>(fn: (accumulated: A, element: T) => A | Promise<A>, initial: A): Promise<A> {
    let accumulated = initial
    for await (const element of this) accumulated = await fn(accumulated, element)
    return accumulated
  }

  /** How many elements there are; 0 when there is no log. Takes time in proportion to that. */
  async length(): Promise<number> {
    for (;;) {
      const id = await this.#begin()
      if (id === undefined) return 0
      const count = await this.#store.back.count(prefixRange(partsKey('element', this.#key, id).tuple))
      if (await isStanding(this.#store, this.#key, id)) return count
    }
  }

  async #begin(): Promise<Uuid | undefined> {
    this.#store.assertOpen()
    const head = await readSeen(this.#store, this.#key)
    return head && readHead(head, 'log').id
  }

  /** What there is when the first page is asked for, behind `after`. */
  async *#pages(after: number | undefined): AsyncGenerator<readonly Entry[], void> {
    const id = await this.#begin()
    if (id === undefined) return
    const { back } = this.#store
    const all = partsKey('element', this.#key, id)
    const { keys, asOf } = await back.scanKeys(prefixRange(all.tuple), { after: undefined, limit: 1, reverse: true })
    const range = elementsBehind(all, after, keys[0]?.key)
    let at: StoreKey | undefined
    if (range === undefined) return
    for (let isMore = true; isMore;) {
      const { entries, isLast } = await back.scan(range, { after: at, limit: PAGE, reverse: false })
      // After the page: as long as the log stands, none of its elements is removed.
      if (!(await isStanding(this.#store, this.#key, id))) throw replaced(this.#key, 'log')
      yield entries.filter(({ version }) => version <= asOf)
      at = entries.at(-1)?.key
      isMore = !isLast
      // A back tier that answers at once would otherwise keep everyone else waiting until the end.
      await new Promise<void>((resolve) => afterTurn(resolve))
    }
  }

  async *#eachOf<E>(after: number | undefined, view: (entry: Entry) => E): AsyncIterableIterator<E> {
    for await (const page of this.#pages(after)) for (const entry of page) yield view(entry)
  }
}

/**
 * Where the elements are that a reading shows: up to the last one that there is when it begins, since appends could otherwise
 * keep ahead of it for ever. undefined: there is none.
 */
export function elementsBehind(
  { tuple: prefix }: StoreKey,
  after: number | undefined,
  last: StoreKey | undefined,
): KeyRange | undefined {
  if (last === undefined) return undefined
  return rangeOf({ prefix, lte: last.tuple, ...(after !== undefined && { gt: [...prefix, after] }) })
}
