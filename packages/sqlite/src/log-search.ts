import {
  afterTurn,
  type Codec,
  type KeyHistory,
  type KeyHistoryOptions,
  type LogChange,
  type StoreKey,
} from '@tidemark/core'
import type { Connection, RowStatement } from './connection.ts'
import { LOG_READ, type LogRow, toChange } from './log-rows.ts'

/** How many changes are searched at a time: about a millisecond. */
const STRIDE = 2_000

/** Finds single changes: by seq, by time, by key. */
export class LogSearch {
  readonly #connection: Connection
  readonly #codec: Codec
  readonly #bySeq: RowStatement<LogRow>
  readonly #bounds: RowStatement<readonly [head: number, floor: number]>
  readonly #dateOf: RowStatement<number>
  readonly #newestOfKey: RowStatement<LogRow>
  readonly #strideBefore: RowStatement<number>
  readonly #versionOf: RowStatement<number>
  readonly #lastAt: RowStatement<number>
  readonly #assertOpen: () => void

  /** @param assertOpen throws ClosedError */
  constructor(connection: Connection, codec: Codec, assertOpen: () => void) {
    this.#connection = connection
    this.#codec = codec
    this.#assertOpen = assertOpen
    this.#lastAt = connection.prepareColumn('SELECT at FROM log_head WHERE id = 1')
    this.#bySeq = connection.prepareRows(`SELECT ${LOG_READ} FROM log WHERE seq = ?`)
    this.#bounds = connection.prepareRows('SELECT seq, floor FROM log_head WHERE id = 1')
    this.#dateOf = connection.prepareColumn('SELECT at FROM log WHERE seq = ?')
    this.#newestOfKey = connection.prepareRows(
      `SELECT ${LOG_READ} FROM log WHERE seq >= ? AND seq < ? AND key = ? ORDER BY seq DESC LIMIT 1`,
    )
    this.#strideBefore = connection.prepareColumn(
      `SELECT seq FROM log WHERE seq < ? ORDER BY seq DESC LIMIT 1 OFFSET ${STRIDE - 1}`,
    )
    this.#versionOf = connection.prepareColumn('SELECT version FROM entry WHERE key = ?')
  }

  at(seqs: readonly number[]): readonly (LogChange | undefined)[] {
    return this.#connection.snapshot(() => seqs.map((seq) => this.#change(this.#bySeq.get(seq))))
  }

  seqBefore(at: number): number | undefined {
    return this.#connection.snapshot(() => {
      const [head, floor] = this.#bounds.get()!
      if (this.#lastAt.get()! < at) return head
      let [low, high] = [floor, head]
      while (low < high) {
        const middle = Math.ceil((low + high) / 2)
        if (this.#dateOf.get(middle)! < at) low = middle
        else high = middle - 1
      }
      return low === floor && floor > 0 ? undefined : low
    })
  }

  /** @throws the reason of `signal` when it aborts between two steps of a search */
  async changesOf(key: StoreKey, { before = Infinity, limit, signal }: KeyHistoryOptions): Promise<KeyHistory> {
    const changes: LogChange[] = []
    const [head] = this.#connection.read(() => this.#bounds.get()!)
    let end = Math.min(before, head + 1)
    // 0: where the chain leads is not known.
    let link = this.#chainBefore(before, key)
    for (let steps = 1; changes.length < limit; steps++) {
      signal?.throwIfAborted()
      if (steps % STRIDE === 0) await this.#turn(signal)
      const linked = link > 0 ? this.#linked(link, key) : undefined
      if (linked !== undefined && linked.seq >= end) {
        link = linked.prevVersion
        continue
      }
      // A link whose change is gone: what came before it is gone too.
      const change = link > 0 && link < end ? linked : await this.#search(key, end, signal)
      if (change === undefined) {
        const [, floor] = this.#connection.read(() => this.#bounds.get()!)
        return { changes, end: floor === 0 ? 'start' : 'floor' }
      }
      changes.push(change)
      end = change.seq
      link = change.prevVersion
    }
    return { changes, end: 'limit' }
  }

  /** The change with which the chain of those before begins, or leads to it; 0 where that is not known. */
  #chainBefore(before: number, key: StoreKey): number {
    if (before !== Infinity) {
      // Who wants to know what a version was names the next seq; who wants the next page, the last change of this one.
      if (this.#linked(before - 1, key) !== undefined) return before - 1
      const next = this.#linked(before, key)
      if (next !== undefined) return next.prevVersion
    }
    return this.#connection.read(() => this.#versionOf.get(key.bytes)) ?? 0
  }

  /** Where the chain says that the key changed. */
  #linked(seq: number, key: StoreKey): LogChange | undefined {
    const change = this.#change(this.#connection.read(() => this.#bySeq.get(seq)))
    return change?.key.id === key.id ? change : undefined
  }

  /** The newest change of the key before `end`. */
  async #search(key: StoreKey, end: number, signal: AbortSignal | undefined): Promise<LogChange | undefined> {
    for (let to = end; to > 1;) {
      // By rows and not by seqs: what is kept below the floor lies far apart.
      const from = this.#connection.read(() => this.#strideBefore.get(to)) ?? 1
      const row = this.#connection.read(() => this.#newestOfKey.get(from, to, key.bytes))
      if (row !== undefined) return this.#change(row)
      to = from
      await this.#turn(signal)
    }
    return undefined
  }

  /** Lets others have their turn. @throws ClosedError; the reason of `signal` */
  async #turn(signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>(afterTurn)
    this.#assertOpen()
    signal?.throwIfAborted()
  }

  #change(row: LogRow | undefined): LogChange | undefined {
    return row && toChange(this.#codec, row)
  }
}
