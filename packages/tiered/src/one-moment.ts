import { type Back, type Found, type NearFront, type StoreKey, versionOf } from '@tidemark/core'

/** Answers for several keys, in the order of the keys, from whatever tiers. */
export interface Answers {
  readonly keys: readonly StoreKey[]
  readonly found: readonly Found[]
  /** Where the near front stood when it gave those that are its own. */
  readonly nearAt: number
  /** What the answers of a shared front include, by its name, where that is more than they say themselves. */
  readonly proven: ReadonlyMap<string, number>
  /** The epoch of the log when the first of them was asked for. */
  readonly epoch: number
}

/**
 * Tells answers that are all of one moment from a mixture of two, which may be half of a commit.
 *
 * Each answer stood from its version on, up to the last seq that it is known to include: of the back tier the head of its
 * snapshot, of a shared front what its certificate proves, of the near front where that had followed the log to. Where the
 * latest version is not past the least of those, all of them stood at once, and nothing has to be asked. A version may lie
 * within a commit; what the others include ends with one, and therefore past the whole of it.
 *
 * Otherwise something was written in between. That is harmless unless it was one of these keys, which may be known: by the
 * fence of the near front, or by the few changes in between, read from the log.
 */
export class OneMoment {
  readonly #back: Pick<Back, 'log'>
  readonly #near: NearFront | undefined

  constructor(back: Pick<Back, 'log'>, near: NearFront | undefined) {
    this.#back = back
    this.#near = near
  }

  /** Whether there is a commit after which each of them was what the back tier held. False: not known. */
  holds(answers: Answers): boolean | Promise<boolean> {
    // Of a log that was restored meanwhile, the same seqs are other changes.
    if (this.#back.log.identity.epoch !== answers.epoch) return false
    let latest = 0
    let until = Infinity
    for (const found of answers.found) {
      const version = versionOf(found)
      if (version > latest) latest = version
      const includes = this.#includedIn(found, answers)
      if (includes < until) until = includes
    }
    return latest <= until || this.#holdsByFence(answers, latest) || this.#holdsByLog(answers, until, latest)
  }

  #includedIn({ asOf, tier }: Found, { nearAt, proven }: Answers): number {
    const known = tier === this.#near?.name ? nearAt : proven.get(tier)
    return known !== undefined && known > asOf ? known : asOf
  }

  /** Whether they all stand where the near front is by now. */
  #holdsByFence(answers: Answers, latest: number): boolean {
    const near = this.#near
    if (near === undefined || near.watermark < latest) return false
    const { watermark } = near
    return answers.found.every((found, i) => {
      const includes = this.#includedIn(found, answers)
      return includes >= watermark || near.fenceOf(answers.keys[i]!.id) <= includes
    })
  }

  /** Whether none has changed up to the end of the commit that the latest of them is of. */
  async #holdsByLog(answers: Answers, after: number, latest: number): Promise<boolean> {
    if (latest - after > worthwhile(answers.keys.length)) return false
    try {
      const { changes } = await this.#back.log.read({ after, limit: latest - after, values: false })
      const end = changes.at(-1)?.seq ?? after
      if (end < latest) return false
      const changed = new Map(changes.map(({ key, seq }) => [key.id, seq]))
      return answers.found.every(
        (found, i) => (changed.get(answers.keys[i]!.id) ?? 0) <= this.#includedIn(found, answers),
      )
    } catch {
      // Compacted, perhaps, or busy. Whoever asks the back tier itself is told.
      return false
    }
  }
}

/**
 * How many changes may be looked at instead of reading so many keys from the back tier. By processor time, of SQLite on one
 * machine: a page of the log without values takes 14 µs and 1.6 µs per change, whatever their size; a read of keys 5 µs, and
 * per key 1.6 µs for an entry of 20 bytes, 6.5 µs for one of 1,000, and 43 µs for one of 10,000. This is where they break even
 * at 1,000: where entries are small, the look costs up to four times the read that it saves, and where they are large, the
 * read would have cost many times the look.
 */
function worthwhile(keys: number): number {
  return 4 * keys - 6
}
