import { stripeOf } from './stripes.ts'

/** The stripes of a batch: those that several keys share travel, and are looked up, once. */
export class StripeList {
  readonly names: string[] = []
  readonly #indexes = new Map<number, number>()

  /** Where the stripe of the key stands in the list; from 1, as Lua counts. */
  indexOf(id: string): number {
    const stripe = stripeOf(id)
    const known = this.#indexes.get(stripe)
    if (known !== undefined) return known
    this.names.push(String(stripe))
    this.#indexes.set(stripe, this.names.length)
    return this.names.length
  }
}
