import { assertKnown, between, callback, type Clock, clockOption, flag, wholeAtLeast } from '@tidemark/core'

/** A day: leases take no longer time, and the one of the compactor outlives two of its rounds. */
const MAX_EVERY_MS = 28_000_000

/** Somebody who reads the log, and has taken everything up to `seq`. */
export interface LogHolder {
  readonly name: string
  readonly seq: number
}

export interface HoldBackOptions {
  /** How many changes the log holds for them at most. @default 10,000,000 */
  readonly maxChanges?: number | undefined
  /** How many bytes the log takes for them at most. @default no bound of its own */
  readonly maxBytes?: number | undefined
}

/** What of the log is kept. A change goes as soon as one of the rules says so; without any rule none ever does. */
export interface CompactorOptions {
  /** Changes older than this go, by the wall clock of their writers. */
  readonly maxAgeMs?: number | undefined
  readonly maxChanges?: number | undefined
  /** About: the log is measured in segments. */
  readonly maxBytes?: number | undefined
  /**
   * The change that made each entry what it is stays, below the floor, where `history` and `valueAt` find it, and streams
   * do not.
   * @default false
   */
  readonly keepLatestPerKey?: boolean | undefined
  /** Milliseconds between two rounds, at most: they follow one another sooner where much is written. @default 1000 */
  readonly everyMs?: number | undefined
  /** Who needs changes that would go. They stay for them, within `holdBack`. Asked in each round. @default nobody */
  readonly heldBy?: (() => Promise<readonly LogHolder[]>) | undefined
  /** How far the log may grow for those who hold it. Beyond it changes go, and a `lost` event says who misses which. */
  readonly holdBack?: HoldBackOptions | undefined
  /**
   * How many changes go in one step, a transaction of its own or part of one of writers, about. More where writers add
   * more at a time, up to sixteen times as many.
   * @default 500
   */
  readonly step?: number | undefined
  /** @default the clock of the machine */
  readonly clock?: Clock | undefined
}

/** Options, checked, with every default. Infinity: there is no such rule. */
export interface ResolvedCompactorOptions {
  readonly maxAgeMs: number
  readonly maxChanges: number
  readonly maxBytes: number
  readonly keepLatest: boolean
  readonly everyMs: number
  readonly heldBy: () => Promise<readonly LogHolder[]>
  readonly hold: { readonly maxChanges: number; readonly maxBytes: number }
  readonly step: number
  readonly clock: Clock
}

const NAMES: readonly (keyof CompactorOptions)[] = [
  'maxAgeMs',
  'maxChanges',
  'maxBytes',
  'keepLatestPerKey',
  'everyMs',
  'heldBy',
  'holdBack',
  'step',
  'clock',
]

/** @throws TypeError or RangeError naming the option and what is allowed. */
export function resolveCompactorOptions(options: CompactorOptions): ResolvedCompactorOptions {
  assertKnown(options, NAMES, 'startCompactor')
  const { heldBy = async () => [], holdBack = {} } = options
  assertKnown(holdBack, ['maxChanges', 'maxBytes'], 'holdBack')
  return Object.freeze({
    maxAgeMs: bound('option maxAgeMs', options.maxAgeMs, Infinity),
    maxChanges: bound('option maxChanges', options.maxChanges, Infinity),
    maxBytes: bound('option maxBytes', options.maxBytes, Infinity),
    keepLatest: flag('option keepLatestPerKey', options.keepLatestPerKey ?? false),
    everyMs: between('option everyMs', options.everyMs ?? 1000, 1, MAX_EVERY_MS),
    heldBy: callback('option heldBy', heldBy),
    hold: Object.freeze({
      maxChanges: bound('option holdBack.maxChanges', holdBack.maxChanges, 10_000_000),
      maxBytes: bound('option holdBack.maxBytes', holdBack.maxBytes, Infinity),
    }),
    step: wholeAtLeast('option step', options.step ?? 500, 1),
    clock: clockOption(options.clock),
  })
}

function bound(name: string, value: number | undefined, byDefault: number): number {
  return value === undefined || value === Infinity ? (value ?? byDefault) : wholeAtLeast(name, value, 0)
}
