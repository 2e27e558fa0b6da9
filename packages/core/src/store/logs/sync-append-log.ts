import { prefixRange } from '../../keys/key-range.ts'
import type { StoreKey } from '../../keys/store-key.ts'
import { assertKnown, wholeAtLeast } from '../../options/checks.ts'
import type { Entry } from '../../ports/entry.ts'
import { readHead } from '../parts/part-head.ts'
import { partsKey } from '../parts/part-key.ts'
import { replaced } from '../parts/part-reads.ts'
import { isStandingNow, type SyncPartStore } from '../parts/sync-part-store.ts'
import { type WriteResult, writeResult } from '../results.ts'
import { commitSeenNow } from '../seen-commit.ts'
import { SET_OPTIONS, type SetOptions } from '../write-options.ts'
import { type ElementsOptions, elementsBehind, PAGE } from './append-log.ts'
import { Appending } from './appending.ts'
import { elementValue, type LogElement, toLogElement } from './log-element.ts'

/** As {@link AppendLog}, without promises: an append is durable on return. */
export class SyncAppendLog<T = unknown> implements Iterable<T> {
  readonly #store: SyncPartStore
  readonly #key: StoreKey

  constructor(store: SyncPartStore, key: StoreKey) {
    this.#store = store
    this.#key = key
  }

  /** @throws as `append` of the log with promises rejects */
  append(element: T, options?: SetOptions): WriteResult {
    return this.appendMany([element], options)
  }

  /** Appends all of them side by side, in one commit. Without any, nothing changes. @throws as {@link append} */
  appendMany(elements: Iterable<T> & object, options?: SetOptions): WriteResult {
    const { back, codec, clock, collector, heads, assertOpen } = this.#store
    assertOpen()
    if (options !== undefined) assertKnown(options, SET_OPTIONS, 'append')
    const appending = new Appending({ codec, clock, heads }, this.#key)
    appending.add(elements, options)
    collector.watch(this.#key)
    const decide = ([current]: readonly (Entry | undefined)[]) => appending.writes(current)
    return writeResult(commitSeenNow(back, clock, { reads: [this.#key], decide }))
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#eachOf(undefined, (entry) => elementValue(this.#key, entry) as T)
  }

  /** As the iteration, with versions and dates. @throws RangeError for what is no version */
  elements(options: ElementsOptions = {}): IterableIterator<LogElement<T>> {
    assertKnown(options, ['after'], 'elements')
    const { after } = options
    if (after !== undefined) wholeAtLeast('option after', after, 0)
    return this.#eachOf(after, (entry) => toLogElement<T>(this.#key, entry))
  }

  /** `fn` of what it returned for the elements before, and of the next one, oldest first. */
  reduce<A>(fn: (accumulated: A, element: T) => A, initial: A): A {
    let accumulated = initial
    for (const element of this) accumulated = fn(accumulated, element)
    return accumulated
  }

  /** How many elements there are; 0 when there is no log. Takes time in proportion to that. */
  length(): number {
    let length = 0
    for (const page of this.#pages(undefined)) length += page.length
    return length
  }

  *#pages(after: number | undefined): Generator<readonly Entry[], void> {
    const head = this.#store.see(this.#key)
    if (head === undefined) return
    const { id } = readHead(head, 'log')
    const { back } = this.#store
    const all = partsKey('element', this.#key, id)
    const { keys } = back.scanKeys(prefixRange(all.tuple), { after: undefined, limit: 1, reverse: true })
    const range = elementsBehind(all, after, keys[0]?.key)
    if (range === undefined) return
    let at: StoreKey | undefined
    for (let isMore = true; isMore;) {
      const { entries, isLast } = back.scan(range, { after: at, limit: PAGE, reverse: false })
      // After the page: as long as the log stands, none of its elements is removed.
      if (!isStandingNow(this.#store, this.#key, id)) throw replaced(this.#key, 'log')
      yield entries
      at = entries.at(-1)?.key
      isMore = !isLast
    }
  }

  *#eachOf<E>(after: number | undefined, view: (entry: Entry) => E): IterableIterator<E> {
    for (const page of this.#pages(after)) for (const entry of page) yield view(entry)
  }
}
