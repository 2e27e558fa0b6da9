import type { LogChange } from '@tidemark/core'

/** Which changes of a lane are parked: their seqs by key, in order. */
export class ParkedKeys {
  readonly #seqs = new Map<string, number[]>()
  #count = 0

  get count(): number {
    return this.#count
  }

  has({ key }: LogChange): boolean {
    return this.#seqs.has(key.id)
  }

  /** In ascending order. */
  add({ key, seq }: LogChange): void {
    const seqs = this.#seqs.get(key.id)
    if (seqs === undefined) this.#seqs.set(key.id, [seq])
    else seqs.push(seq)
    this.#count++
  }

  delete({ key, seq }: LogChange): void {
    const seqs = this.#seqs.get(key.id) ?? []
    const at = seqs.indexOf(seq)
    if (at < 0) return
    seqs.splice(at, 1)
    if (seqs.length === 0) this.#seqs.delete(key.id)
    this.#count--
  }

  /** Whether no earlier change of its key is parked. */
  isFirst({ key, seq }: LogChange): boolean {
    return this.#seqs.get(key.id)?.[0] === seq
  }
}
