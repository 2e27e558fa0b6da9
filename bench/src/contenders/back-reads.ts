import { StoreKey } from '@tidemark/core'
import { watchStatements } from './statements.ts'

/** How often the items were asked for since they were last counted, by the connection that asked most. */
export interface BackReadCount {
  readonly perKey: number
  readonly mostOfOneKey: number
}

/** Counts, for each item and connection, how often SQLite is asked for it. For a time in which nobody writes the items. */
export class BackReads {
  /** By the bytes of the key, one character each. */
  readonly #numbers: ReadonlyMap<string, number>
  readonly #counts = new Map<unknown, Uint32Array>()
  readonly #stop: () => void

  constructor(names: readonly string[]) {
    this.#numbers = new Map(names.map((name, number) => [latin1(StoreKey.of(name).bytes), number]))
    this.#stop = watchStatements(({ database }, bound) => {
      // Bound one by one or as one list.
      for (const key of bound.flat()) if (key instanceof Uint8Array) this.#count(database, latin1(key))
    })
  }

  get total(): number {
    return [...this.#counts.values()].reduce((total, counts) => total + sum(counts), 0)
  }

  /** Counts, and begins anew. */
  take(): BackReadCount {
    const connections = [...this.#counts.values()]
    const count = {
      perKey: Math.max(0, ...connections.map(sum)) / this.#numbers.size,
      mostOfOneKey: Math.max(0, ...connections.map((counts) => Math.max(...counts))),
    }
    this.#counts.clear()
    return count
  }

  close(): void {
    this.#stop()
  }

  #count(connection: unknown, key: string): void {
    const number = this.#numbers.get(key)
    if (number === undefined) return
    let counts = this.#counts.get(connection)
    if (counts === undefined) this.#counts.set(connection, (counts = new Uint32Array(this.#numbers.size)))
    counts[number]!++
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

function sum(counts: Uint32Array): number {
  return counts.reduce((total, count) => total + count, 0)
}
