const BITS = 5
const WIDTH = 1 << BITS
const MASK = WIDTH - 1

interface Node {
  /** Who may change it where it is. */
  readonly owner: object
  readonly slots: unknown[]
}

/**
 * A list of which versions share what has not changed between them: a trie of 32 slots per node, as Clojure's vectors
 * (https://hypirion.com/musings/understanding-persistent-vector-pt-1). A version is changed where it is until it is handed
 * out; from then on, through a {@link fork}.
 */
export class SharedList {
  #root: Node
  #shift: number
  #length: number

  constructor(from?: SharedList) {
    this.#root = from === undefined ? { owner: this, slots: [] } : from.#root
    this.#shift = from === undefined ? 0 : from.#shift
    this.#length = from === undefined ? 0 : from.#length
  }

  get length(): number {
    return this.#length
  }

  fork(): SharedList {
    return new SharedList(this)
  }

  /** @param index below the length */
  get(index: number): unknown {
    let node = this.#root
    for (let shift = this.#shift; shift > 0; shift -= BITS) node = node.slots[(index >>> shift) & MASK] as Node
    return node.slots[index & MASK]
  }

  /** @param index up to the length */
  set(index: number, value: unknown): void {
    if (index === this.#length) this.#grow()
    let node = (this.#root = this.#own(this.#root))
    for (let shift = this.#shift; shift > 0; shift -= BITS) {
      const slot = (index >>> shift) & MASK
      const child = node.slots[slot] as Node | undefined
      node = node.slots[slot] = child === undefined ? { owner: this, slots: [] } : this.#own(child)
    }
    node.slots[index & MASK] = value
  }

  push(value: unknown): void {
    this.set(this.#length, value)
  }

  #grow(): void {
    if (this.#length === WIDTH << this.#shift) {
      this.#root = { owner: this, slots: [this.#root] }
      this.#shift += BITS
    }
    this.#length += 1
  }

  #own(node: Node): Node {
    return node.owner === this ? node : { owner: this, slots: node.slots.slice() }
  }
}
