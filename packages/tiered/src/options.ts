import {
  assertKnown,
  type Back,
  callback,
  type Clock,
  clockOption,
  duration,
  flag,
  type Front,
  type NearFront,
  oneOf,
  type ReadOptions,
} from '@tidemark/core'
import { READ_POLICIES, type ReadPolicy, WRITE_POLICIES, type WritePolicy } from './policies.ts'

export interface TieredOptions {
  /** The durable truth. The tiered store owns it and closes it. */
  readonly back: Back
  /** The front that lives in this process. It follows the back tier's log. @default none */
  readonly near?: NearFront | undefined
  /** Shared fronts, nearest first. Owned, and closed. @default none */
  readonly fronts?: readonly Front[] | undefined
  /** @default 'write-through' */
  readonly writePolicy?: WritePolicy | undefined
  /** @default 'frontend-first' */
  readonly readPolicy?: ReadPolicy | undefined
  /**
   * How old, in milliseconds, the proof may be that the near front has seen every commit when a read is served from it.
   * 0: the log's head is checked after the read was asked for, once for all reads of a turn; no read ever misses a write
   * that was acknowledged before, by whatever process.
   * @default 0
   */
  readonly nearMaxStaleMs?: number | undefined
  /** Whether fronts remember that a key does not exist. @default true */
  readonly negativeEntries?: boolean | undefined
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
  /** Gets what a commit listener threw. @default it is thrown again where nothing of the store can stop */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** What a tiered store lets a caller choose per read. */
export interface TieredReadOptions extends ReadOptions {
  readonly readPolicy?: ReadPolicy | undefined
}

/** What a tiered store lets a caller choose per write. */
export interface TieredWriteOptions {
  readonly writePolicy?: WritePolicy | undefined
}

export interface ResolvedOptions {
  readonly back: Back
  readonly near: NearFront | undefined
  readonly fronts: readonly Front[]
  readonly writePolicy: WritePolicy
  readonly readPolicy: ReadPolicy
  readonly nearMaxStaleMs: number
  readonly negativeEntries: boolean
  readonly clock: Clock
  readonly onError: (error: unknown) => void
}

const KNOWN: readonly string[] = [
  'back',
  'near',
  'fronts',
  'writePolicy',
  'readPolicy',
  'nearMaxStaleMs',
  'negativeEntries',
  'clock',
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
    readPolicy: readPolicyOf(options.readPolicy, 'frontend-first'),
    nearMaxStaleMs: duration('option nearMaxStaleMs', nearMaxStaleMs),
    negativeEntries: flag('option negativeEntries', negativeEntries),
    clock: clockOption(options.clock),
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
