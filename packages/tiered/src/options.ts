import {
  assertKnown,
  type Back,
  callback,
  type Clock,
  clockOption,
  duration,
  flag,
  type NearFront,
  between,
  oneOf,
  type ReadOptions,
  type SharedFront,
  wholeAtLeast,
} from '@tidemark/core'
import { READ_POLICIES, type ReadPolicy, WRITE_POLICIES, type WritePolicy } from './policies.ts'
import {
  resolveWriteBehind,
  type ResolvedWriteBehind,
  type WriteBehindOptions,
} from './write-behind/write-behind-options.ts'

export interface TieredOptions {
  /** The durable truth. The tiered store owns it and closes it. */
  readonly back: Back
  /** The front that lives in this process. It follows the back tier's log. @default none */
  readonly near?: NearFront | undefined
  /** Shared fronts, nearest first. Owned, and closed. @default none */
  readonly fronts?: readonly SharedFront[] | undefined
  /** @default 'write-through' */
  readonly writePolicy?: WritePolicy | undefined
  /** How writes with the policy `write-behind` are kept until they are flushed. */
  readonly writeBehind?: WriteBehindOptions | undefined
  /** @default 'frontend-first' */
  readonly readPolicy?: ReadPolicy | undefined
  /**
   * How old, in milliseconds, the proof may be that the near front has seen every commit when a read is served from it.
   * 0: the log's head is checked after the read was asked for, once for all reads of a turn; no read ever misses a write
   * that was acknowledged before, by whatever process.
   * @default 0
   */
  readonly nearMaxStaleMs?: number | undefined
  /**
   * Δ, in milliseconds, 30..60,000: a read of a shared front misses no write that was committed longer ago than this,
   * whatever has failed. A front that cannot prove that is not read. Without failures a write is seen when it is
   * acknowledged. The front is looked at three times in this time.
   * @default 300
   */
  readonly frontMaxStaleMs?: number | undefined
  /**
   * When a write is acknowledged. `bounded`: when it is durable and every front was told, or could not be: whoever reads from a
   * front that was not told may miss it for Δ. `strict`: when in addition no process can read from a shared front any more what
   * it replaced. Where a front was not reached that takes Δ, the largest that processes have agreed on, until that front is
   * suspended for everybody, half of Δ after the first write that missed it. (What a near front with `nearMaxStaleMs` above 0
   * serves is bounded by that.)
   * @default 'bounded'
   */
  readonly ack?: Acknowledgement | undefined
  /** Whether every write is refused with READ_ONLY, before it is taken into a buffer, say. @default false */
  readonly readOnly?: boolean | undefined
  /** Whether fronts remember that a key does not exist. @default true */
  readonly negativeEntries?: boolean | undefined
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
  /** From 0 to below 1. @default Math.random */
  readonly random?: (() => number) | undefined
  /**
   * Gets what a commit listener threw, and what a flush in the background failed with.
   * @default it is thrown again where nothing of the store can stop
   */
  readonly onError?: ((error: unknown) => void) | undefined
}

export type Acknowledgement = 'bounded' | 'strict'

/** What a tiered store lets a caller choose per read. */
export interface TieredReadOptions extends ReadOptions {
  /**
   * A version that a write returned, to this process or another: what is read of its key is not older. Where a front
   * cannot tell, the back tier is asked. With `frontend-only`, what no front can tell reads as absent.
   */
  readonly minVersion?: number | undefined
  /** Of several keys, `frontend-first` shows one moment; `frontend-only` answers each by itself, perhaps half of a commit. */
  readonly readPolicy?: ReadPolicy | undefined
}

/** What a tiered store lets a caller choose per write. */
export interface TieredWriteOptions {
  readonly writePolicy?: WritePolicy | undefined
  readonly ack?: Acknowledgement | undefined
}

export interface ResolvedOptions {
  readonly back: Back
  readonly near: NearFront | undefined
  readonly fronts: readonly SharedFront[]
  readonly writePolicy: WritePolicy
  readonly writeBehind: ResolvedWriteBehind
  readonly readPolicy: ReadPolicy
  readonly nearMaxStaleMs: number
  readonly frontMaxStaleMs: number
  readonly ack: Acknowledgement
  readonly readOnly: boolean
  readonly negativeEntries: boolean
  readonly clock: Clock
  readonly random: () => number
  readonly onError: (error: unknown) => void
}

const ACKNOWLEDGEMENTS: readonly Acknowledgement[] = ['bounded', 'strict']

const KNOWN: readonly string[] = [
  'back',
  'near',
  'fronts',
  'writePolicy',
  'writeBehind',
  'readPolicy',
  'nearMaxStaleMs',
  'frontMaxStaleMs',
  'ack',
  'readOnly',
  'negativeEntries',
  'clock',
  'random',
  'onError',
] satisfies (keyof TieredOptions)[]

/** @throws TypeError or RangeError that names the option and what is allowed. */
export function resolveOptions(options: TieredOptions): ResolvedOptions {
  assertKnown(options, KNOWN)
  const { back, near, fronts = [], nearMaxStaleMs = 0, negativeEntries = true } = options
  const names = [near, ...fronts, back].flatMap((tier) => (tier === undefined ? [] : [tier.name]))
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new TypeError(`two tiers are named ${twice}; results are reported by name`)
  return Object.freeze({
    back,
    near,
    fronts: Object.freeze([...fronts]),
    writePolicy: writePolicyOf(options.writePolicy, 'write-through'),
    writeBehind: resolveWriteBehind(options.writeBehind),
    readPolicy: readPolicyOf(options.readPolicy, 'frontend-first'),
    nearMaxStaleMs: duration('option nearMaxStaleMs', nearMaxStaleMs),
    frontMaxStaleMs: between('option frontMaxStaleMs', options.frontMaxStaleMs ?? 300, 30, 60_000),
    ack: ackOf(options.ack, 'bounded'),
    readOnly: flag('option readOnly', options.readOnly ?? false),
    negativeEntries: flag('option negativeEntries', negativeEntries),
    clock: clockOption(options.clock),
    random: callback('option random', options.random ?? Math.random),
    onError: callback('option onError', options.onError ?? throwAgain),
  })
}

function throwAgain(error: unknown): never {
  throw error
}

/** @throws TypeError or RangeError when it is no write policy. */
export function writePolicyOf(chosen: WritePolicy | undefined, otherwise: WritePolicy): WritePolicy {
  return chosen === undefined ? otherwise : oneOf('option writePolicy', chosen, WRITE_POLICIES)
}

/** @throws TypeError or RangeError when it is no read policy. */
export function readPolicyOf(chosen: ReadPolicy | undefined, otherwise: ReadPolicy): ReadPolicy {
  return chosen === undefined ? otherwise : oneOf('option readPolicy', chosen, READ_POLICIES)
}

/** @throws TypeError or RangeError when it is no acknowledgement. */
export function ackOf(chosen: Acknowledgement | undefined, otherwise: Acknowledgement): Acknowledgement {
  return chosen === undefined ? otherwise : oneOf('option ack', chosen, ACKNOWLEDGEMENTS)
}

/** @throws TypeError or RangeError when it is no version. */
export function minVersionOf(chosen: number | undefined): number {
  return chosen === undefined ? 0 : wholeAtLeast('option minVersion', chosen, 0)
}
