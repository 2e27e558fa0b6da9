import { type Found, type LogChange, type StoreKey, versionOf } from '@tidemark/core'

/** More keys than these are not remembered one by one. */
const MAX_KEYS = 10_000

/**
 * What this process knows to be newer than what a shared front is proven to hold: its own commits that are on their way
 * there, and what its readers got from the back tier. An older record of such a key is not believed, which is what makes
 * a process read its own writes, and never read backwards. Everything ends when a certificate includes it.
 */
export class RequiredVersions {
  readonly #versions = new Map<string, number>()
  #certified = 0
  /** Of keys that were too many to remember, and of all others, nothing below this is believed. */
  #floor = 0

  get isEmpty(): boolean {
    return this.#versions.size === 0 && this.#floor === 0
  }

  /** The version that an answer of the front must have at least; 0: any. */
  of(id: string): number {
    return Math.max(this.#floor, this.#versions.get(id) ?? 0)
  }

  /** These changes are on their way to the front. */
  expect(changes: readonly LogChange[]): void {
    for (const { key, seq } of changes) this.#require(key.id, seq)
  }

  /** The front has taken them. */
  settle(changes: readonly LogChange[]): void {
    for (const { key, seq } of changes) if (this.#versions.get(key.id) === seq) this.#versions.delete(key.id)
  }

  /** A reader got this from below. */
  note(key: StoreKey, found: Found): void {
    const version = versionOf(found)
    if (version > this.#certified) this.#require(key.id, version)
  }

  /** From now on, every answer of the front includes every change up to `head`. */
  certify(head: number): void {
    this.#certified = head
    if (this.#floor <= head) this.#floor = 0
    for (const [id, version] of this.#versions) if (version <= head) this.#versions.delete(id)
  }

  #require(id: string, version: number): void {
    const known = this.#versions.get(id)
    if (known !== undefined && known >= version) return
    this.#versions.set(id, version)
    if (this.#versions.size <= MAX_KEYS) return
    for (const each of this.#versions.values()) if (each > this.#floor) this.#floor = each
    this.#versions.clear()
  }
}
