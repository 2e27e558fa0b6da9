import type { StoreKey } from '@tidemark/core'
import type { Link } from './link.ts'
import { DISCARD } from './scripts/discard.ts'

/** A record that is no answer, and that no fill of its version would replace. */
export interface UselessRecord {
  readonly key: StoreKey
  /** What it is called in Redis. */
  readonly name: string
  readonly bytes: Buffer
  /** Otherwise its time is up: that is nothing to report. */
  readonly isDamaged: boolean
}

/** Enough of a record to tell it from what replaces it: its header says kind, epoch and version. */
const HEAD_BYTES = 64

/** Takes useless records away, and reports the damaged ones, so that who reads next finds a good one from below. */
export class Quarantine {
  readonly #report: (key: StoreKey) => void
  readonly #leaving = new Set<string>()
  count = 0

  constructor(report: (key: StoreKey) => void) {
    this.#report = report
  }

  /** Never throws, never rejects; a record that could not be taken away is found again by the next reader. */
  take(link: Link, { key, name, bytes, isDamaged }: UselessRecord): void {
    if (this.#leaving.has(name)) return
    this.#leaving.add(name)
    if (isDamaged) {
      this.count++
      this.#report(key)
    }
    const leave = (): unknown => this.#leaving.delete(name)
    link.run(DISCARD, [name], [bytes.length, bytes.subarray(0, HEAD_BYTES)]).then(leave, leave)
  }
}
