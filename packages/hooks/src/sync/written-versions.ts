import { type LogChange, type Marks, type MarkWrite, Payload, type Codec, type StoreKey } from '@tidemark/core'
import { firstOfWritten, writtenKey, writtenRange } from './sync-keys.ts'

const PAGE = 1_000

/**
 * Which versions of the target a sync has written itself, as runs without a gap: who else writes there in between makes
 * another run, so a replica that nobody else writes to has a single one. It tells what is the source's from what
 * somebody has written in the target.
 */
export class WrittenVersions {
  readonly #name: string
  readonly #codec: Codec
  /** In order; `from[i] <= version <= to[i]`. */
  readonly #from: number[] = []
  readonly #to: number[] = []

  private constructor(name: string, codec: Codec) {
    this.#name = name
    this.#codec = codec
  }

  static async load(marks: Marks, codec: Codec, name: string): Promise<WrittenVersions> {
    const written = new WrittenVersions(name, codec)
    let after: StoreKey | undefined
    for (;;) {
      const page = await marks.scan(writtenRange(name), { after, limit: PAGE })
      for (const { key, value } of page) {
        written.#from.push(firstOfWritten(key))
        written.#to.push(value.decode() as number)
      }
      if (page.length < PAGE) return written
      after = page.at(-1)!.key
    }
  }

  has(version: number): boolean {
    const i = this.#runAt(version)
    return i >= 0 && version <= this.#to[i]!
  }

  /** What to store together with these changes, of which those with a source are the sync's own. */
  marks(changes: readonly LogChange[]): readonly MarkWrite[] {
    return this.#runsOf(changes).map(([from, to]) => ({
      key: writtenKey(this.#name, from),
      value: Payload.encode(this.#codec, to),
    }))
  }

  /** They were committed. */
  add(changes: readonly LogChange[]): void {
    for (const [from, to] of this.#runsOf(changes)) {
      if (this.#from.at(-1) === from) this.#to[this.#to.length - 1] = to
      else {
        this.#from.push(from)
        this.#to.push(to)
      }
    }
  }

  /** The first one goes on where the last known one ends, if it does. */
  #runsOf(changes: readonly LogChange[]): readonly (readonly [from: number, to: number])[] {
    const runs: [number, number][] = []
    for (const { seq, source } of changes) {
      if (source === undefined) continue
      const last = runs.at(-1)
      if (last?.[1] === seq - 1) last[1] = seq
      else if (last === undefined && this.#to.at(-1) === seq - 1) runs.push([this.#from.at(-1)!, seq])
      else runs.push([seq, seq])
    }
    return runs
  }

  /** The last run that begins at `version` or before; -1: there is none. */
  #runAt(version: number): number {
    let [low, high] = [0, this.#from.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#from[middle]! <= version) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}
