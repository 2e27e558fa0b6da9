import { appendFileSync, readFileSync } from 'node:fs'
import { StoreKey } from '@tidemark/core'
import type { SqliteBack } from '@tidemark/sqlite'
import { eventually as eventuallyWithin } from '@tidemark/testkit'
import { consume, type Consumer, type ConsumerOptions } from '../../src/index.ts'
import { laneKey } from '../../src/consumers/consumer-keys.ts'
import { Child } from './child.ts'
import { range } from './reading.ts'
import type { TempStore } from './temp-store.ts'
import { commit, setting } from './writing.ts'

const LEASE_MS = 1_000
/** Processes start slowly where others have the machine. */
const WITHIN_MS = 30_000

/** As of the testkit, for what processes do. */
export const eventually = (what: string, condition: () => boolean | Promise<boolean>): Promise<void> =>
  eventuallyWithin(what, condition, WITHIN_MS)

export interface Effect {
  readonly seq: number
  readonly key: readonly unknown[]
  readonly fence: number
  readonly pid: number
}

/** A file with changes of some keys, and members of one consumer in processes of their own. */
export class Fleet {
  readonly back: SqliteBack
  readonly #store: TempStore
  readonly options: ConsumerOptions & { readonly batch: number; readonly transaction?: true }

  constructor(store: TempStore, options: ConsumerOptions & { readonly batch: number; readonly transaction?: true }) {
    this.#store = store
    this.back = store.open()
    this.options = { from: 'start', prefix: ['n'], leaseMs: LEASE_MS, backoff: { minMs: 1, maxMs: 5 }, ...options }
    appendFileSync(this.#effects, '')
  }

  get #effects(): string {
    return `${this.#store.file}.effects`
  }

  get effects(): readonly Effect[] {
    const lines = readFileSync(this.#effects, 'utf8').split('\n')
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Effect)
  }

  /** Another member; `fault`: what it does at a change. */
  spawn(fault?: { seq: number; how: string }): Child {
    return new Child(
      'consuming',
      JSON.stringify({ file: this.#store.file, effects: this.#effects, options: this.options, fault }),
    )
  }

  /** A member here, which handles nothing by itself: it has no lanes as long as others have them all. */
  async watch(handler: () => void = () => {}): Promise<Consumer> {
    const { transaction: _, batch: _batch, ...options } = this.options
    return consume(this.back, 'totals', { ...options, batch: this.options.batch }, handler)
  }

  /** @returns the seq of the last one */
  async write(count: number, keys: number, from = 1): Promise<number> {
    let last = 0
    for (let n = from; n < from + count; n++) last = (await commit(this.back, setting(['n', n % keys], n))).asOf
    return last
  }

  /** How often the changes of each key were counted. */
  async totals(keys: number): Promise<readonly unknown[]> {
    const found = await this.back.read(range(0, keys - 1).map((key) => StoreKey.of(['total', 'n', key])))
    return found.map(({ entry }) => entry?.payload.read())
  }

  /** Waits until the lanes are past every change that was written up to here. */
  async caughtUp(upTo: number): Promise<void> {
    await eventually(`all lanes past ${upTo}`, async () => {
      const keys = range(0, this.options.lanes! - 1).map((lane) => laneKeyOf(lane))
      const marks = await this.back.marks.read(keys)
      return marks.every((mark) => mark !== undefined && (mark.read() as { seq: number }).seq >= upTo)
    })
  }
}

export function laneKeyOf(lane: number): StoreKey {
  return laneKey('totals', lane)
}
