/** Items per block before it splits. Moving this many references is cheaper than one level more of a tree. */
const MAX_BLOCK = 512

/**
 * A list that stays sorted: blocks of sorted items, in order. Finding an item takes two binary searches, adding one
 * moves at most a block. Chosen over a B+tree, whose upper levels only pay far beyond what fits into memory here.
 *
 * No two items may compare as equal. Iterating while the list changes is not supported.
 */
export class SortedList<T> {
  readonly #compare: (a: T, b: T) => number
  /** None of them is empty. */
  readonly #blocks: T[][] = []
  #size = 0

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare
  }

  get size(): number {
    return this.#size
  }

  add(item: T): void {
    this.#size++
    const isBefore = (other: T): boolean => this.#compare(other, item) < 0
    // The block behind the last one that starts before the item would be too far: the item belongs into that last one.
    const at = Math.max(0, partition(this.#blocks, (block) => isBefore(block[0]!)) - 1)
    const block = this.#blocks[at]
    if (block === undefined) {
      this.#blocks.push([item])
      return
    }
    block.splice(partition(block, isBefore), 0, item)
    if (block.length <= MAX_BLOCK) return
    // Keys often arrive in order: leaving full blocks behind then, instead of half-full ones, saves half the memory.
    const isAppending = at === this.#blocks.length - 1 && block.at(-1) === item
    this.#blocks.splice(at + 1, 0, block.splice(isAppending ? MAX_BLOCK : MAX_BLOCK / 2))
  }

  /** @returns whether it was there */
  delete(item: T): boolean {
    const isBefore = (other: T): boolean => this.#compare(other, item) < 0
    const at = partition(this.#blocks, (block) => isBefore(block.at(-1)!))
    const block = this.#blocks[at]
    if (block === undefined) return false
    const index = partition(block, isBefore)
    if (this.#compare(block[index]!, item) !== 0) return false
    this.#size--
    block.splice(index, 1)
    if (block.length === 0) this.#blocks.splice(at, 1)
    return true
  }

  /** In order, from the first item for which `isBefore` is false. `isBefore` must be true for a beginning of the list only. */
  *ascend(isBefore: (item: T) => boolean): Generator<T, void, void> {
    let at = partition(this.#blocks, (block) => isBefore(block.at(-1)!))
    let index = partition(this.#blocks[at] ?? [], isBefore)
    for (; at < this.#blocks.length; at++, index = 0) {
      const block = this.#blocks[at]!
      for (; index < block.length; index++) yield block[index]!
    }
  }

  /** In reverse order, from the last item for which `isBefore` is true. */
  *descend(isBefore: (item: T) => boolean): Generator<T, void, void> {
    let at = partition(this.#blocks, (block) => isBefore(block[0]!)) - 1
    let index = partition(this.#blocks[at] ?? [], isBefore) - 1
    for (; at >= 0; at--, index = (this.#blocks[at]?.length ?? 0) - 1) {
      const block = this.#blocks[at]!
      for (; index >= 0; index--) yield block[index]!
    }
  }

  clear(): void {
    this.#blocks.length = 0
    this.#size = 0
  }
}

/** How many items, from the beginning, `isBefore` is true for. */
function partition<T>(items: readonly T[], isBefore: (item: T) => boolean): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBefore(items[middle]!)) low = middle + 1
    else high = middle
  }
  return low
}
