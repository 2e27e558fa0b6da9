import { isDeepStrictEqual } from 'node:util'
import type { Subject } from '../runner/case.ts'
import { itemOf } from './item.ts'
import { inLanes } from './lanes.ts'
import { createPicks } from './picks.ts'

const SAMPLES = 100
/** So many that callers which wait for the end of a burst do not count. */
const BURST = 5_000

export interface ReadsOptions {
  /** How many items there are. */
  readonly items: number
  /** How many callers read at once; 1: one after the other. */
  readonly lanes: number
  /** Reads the item with this number. */
  readonly read: (number: number) => Promise<unknown>
  readonly close: () => Promise<void>
  /** Beyond the comparison of values. @throws when the contender did not do the work */
  readonly verify?: (() => Promise<void>) | undefined
  /** The number of the item that is read next. @default a sequence of its own, as everybody else's */
  readonly pick?: (() => number) | undefined
}

/** Random reads, all of which must hit: a miss ends the run, so that nobody wins by not answering. */
export function readsOf({ items, lanes, read, close, verify, pick = createPicks(items) }: ReadsOptions): Subject {
  const one = async (): Promise<void> => {
    const number = pick()
    if ((await read(number)) === undefined) throw new Error(`item ${number} is missing`)
  }
  return {
    run: lanes === 1 ? (times) => inTurn(times, pick, read) : (times) => inLanes(lanes, times, one),
    async check() {
      for (let sample = 0; sample < SAMPLES; sample++) await expectItem(pick(), read)
      await verify?.()
    },
    close,
  }
}

/** Keeps all callers of the subject reading until `isOver`. */
export async function readUntil(isOver: () => boolean, subject: Subject): Promise<void> {
  while (!isOver()) await subject.run(BURST)
}

async function inTurn(times: number, pick: () => number, read: (number: number) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < times; i++) {
    const number = pick()
    if ((await read(number)) === undefined) throw new Error(`item ${number} is missing`)
  }
}

/** @throws when reading does not give back what was stored. */
async function expectItem(number: number, read: (number: number) => Promise<unknown>): Promise<void> {
  const value = await read(number)
  if (!isDeepStrictEqual(value, itemOf(number))) {
    throw new Error(`item ${number} was read as ${JSON.stringify(value)}`)
  }
}
