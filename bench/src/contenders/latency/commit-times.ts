import { watchStatements } from '../statements.ts'
import { machineMicros } from './machine-time.ts'

const WRITE_HEAD = /^UPDATE log_head SET seq = \?/

/** When the commits of this process became durable: right after SQLite's COMMIT has returned, before anybody is told. */
export class CommitTimes {
  readonly #commits: { readonly head: number; readonly at: number }[] = []

  /** From now on. */
  constructor() {
    let head: number | undefined
    watchStatements(
      ({ source }, [seq]) => {
        if (WRITE_HEAD.test(source)) head = Number(seq)
      },
      ({ source }) => {
        if (source !== 'COMMIT' || head === undefined) return
        this.#commits.push({ head, at: machineMicros() })
        head = undefined
      },
    )
  }

  /** Of the commit that a version belongs to. @throws Error for one that this process has not committed */
  of(version: number): number {
    // As binary search, which nobody waits for.
    let [low, high] = [0, this.#commits.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#commits[middle]!.head < version) low = middle + 1
      else high = middle
    }
    const commit = this.#commits[low]
    if (commit === undefined) throw new Error(`nobody saw the commit of ${version}`)
    return commit.at
  }
}
