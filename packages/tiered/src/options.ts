import {
  assertKnown,
  type Back,
  type Clock,
  type Front,
  type NearFront,
  type ReadOptions,
  systemClock,
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
  /** The most keys that one round trip reads. @default 1000 */
  readonly maxBatch?: number | undefined
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
  readonly maxBatch: number
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
  'maxBatch',
  'clock',
  'onError',
] satisfies (keyof TieredOptions)[]

/** @throws TypeError or RangeError that names the option and what is allowed. */
export function resolveOptions(options: TieredOptions): ResolvedOptions {
  assertKnown(options, KNOWN)
  const { back, near, fronts = [], nearMaxStaleMs = 0, negativeEntries = true, maxBatch = 1000 } = options
  if (!(nearMaxStaleMs >= 0 && Number.isFinite(nearMaxStaleMs))) {
    throw new RangeError(`nearMaxStaleMs must be 0 or more milliseconds, not ${String(nearMaxStaleMs)}`)
  }
  if (!(Number.isInteger(maxBatch) && maxBatch > 0)) {
    throw new RangeError(`maxBatch must be a positive number of keys, not ${String(maxBatch)}`)
  }
  if (options.onError !== undefined && typeof options.onError !== 'function') {
    throw new TypeError('onError must be a function')
  }
  const names = [near, ...fronts, back].flatMap((tier) => (tier === undefined ? [] : [tier.name]))
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new TypeError(`two tiers are named ${twice}; results are reported by name`)
  return Object.freeze({
    back,
    near,
    fronts: Object.freeze([...fronts]),
    writePolicy: writePolicyOf(options.writePolicy, 'write-through'),
    readPolicy: readPolicyOf(options.readPolicy, 'frontend-first'),
    nearMaxStaleMs,
    negativeEntries,
    maxBatch,
    clock: options.clock ?? systemClock,
    onError: options.onError ?? throwAgain,
  })
}

function throwAgain(error: unknown): never {
  throw error
}

/** @throws TypeError when it is no write policy. */
export function writePolicyOf(chosen: WritePolicy | undefined, otherwise: WritePolicy): WritePolicy {
  if (chosen === undefined) return otherwise
  if (WRITE_POLICIES.includes(chosen)) return chosen
  throw new TypeError(`writePolicy must be one of ${WRITE_POLICIES.join(', ')}, not ${String(chosen)}`)
}

/** @throws TypeError when it is no read policy. */
export function readPolicyOf(chosen: ReadPolicy | undefined, otherwise: ReadPolicy): ReadPolicy {
  if (chosen === undefined) return otherwise
  if (READ_POLICIES.includes(chosen)) return chosen
  throw new TypeError(`readPolicy must be one of ${READ_POLICIES.join(', ')}, not ${String(chosen)}`)
}
