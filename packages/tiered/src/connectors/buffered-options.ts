import {
  assertKnown,
  type Back,
  between,
  callback,
  type Clock,
  clockOption,
  type Codec,
  codecOption,
  type Key,
  port,
} from '@tidemark/core'
import { BUFFER_LIMITS, type BufferLimits, resolveLimits, type ResolvedLimits } from '../write-behind/limits.ts'
import { noPresence, type Presence } from '../write-behind/presence.ts'
import { CACHE_OPTIONS, type CacheOptions } from './read-cache.ts'

/** Where acknowledged writes lie until they are flushed: a store of this machine, say. */
export type JournalBack = Pick<Back, 'commit' | 'leases' | 'marks' | 'codec'>

export interface BufferedOptions<A = Key> extends BufferLimits {
  /** What identifies a value out of the arguments that it is asked for with. @default the arguments are the key */
  readonly keyOf?: ((args: A) => Key) | undefined
  /** Makes the value of what no connector has; undefined: there is none. It is remembered, and not written. */
  readonly load?: ((args: A) => unknown) | undefined
  /**
   * Makes one value out of what several connectors have, in their order; undefined: there is none. All of them have to answer.
   * @default the first one that there is; those after it need not answer
   */
  readonly merge?: ((values: readonly unknown[], args: A) => unknown) | undefined
  readonly cache?: CacheOptions | undefined
  /** For how long a call of a connector is waited for, in milliseconds, 1..3,600,000. @default 30_000 */
  readonly timeoutMs?: number | undefined
  /**
   * A back tier: writes are acknowledged when they are journaled there, and survive the process. Buffers of the same `name`
   * recover what others of it have left behind when they died.
   * @default none: what is not flushed is lost with the process
   */
  readonly journal?: JournalBack | undefined
  /**
   * Of the journal: which buffers belong together.
   * @default the ids of the connectors; after a migration, those of the connectors before it
   */
  readonly name?: string | undefined
  /** As of write-behind; of use with a journal. @default 5_000 */
  readonly leaseMs?: number | undefined
  /** As of write-behind; of use with a journal. @default none */
  readonly presence?: Presence | undefined
  /** For who has no journal: what is journaled is stored, and rewritten, as all else in its store. @default CBOR */
  readonly codec?: Codec | undefined
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
  /** From 0 to below 1. @default Math.random */
  readonly random?: (() => number) | undefined
  /** Gets what a flush in the background failed with. @default it is thrown again where nothing of the buffer can stop */
  readonly onError?: ((error: unknown) => void) | undefined
}

const KNOWN: readonly string[] = [
  ...BUFFER_LIMITS,
  'keyOf',
  'load',
  'merge',
  'cache',
  'timeoutMs',
  'journal',
  'name',
  'leaseMs',
  'presence',
  'codec',
  'clock',
  'random',
  'onError',
] satisfies (keyof BufferedOptions)[]

export interface ResolvedBuffered<A> {
  readonly keyOf: ((args: A) => Key) | undefined
  readonly load: ((args: A) => unknown) | undefined
  /** undefined: the first one that there is. */
  readonly merge: ((values: readonly unknown[], args: A) => unknown) | undefined
  readonly cache: CacheOptions
  readonly timeoutMs: number
  readonly journal: JournalBack | undefined
  readonly name: string | undefined
  readonly leaseMs: number
  readonly presence: Presence
  readonly limits: ResolvedLimits
  readonly codec: Codec
  readonly clock: Clock
  readonly random: () => number
  readonly onError: (error: unknown) => void
}

/** @throws TypeError or RangeError that names the option. */
export function resolveBuffered<A>(options: BufferedOptions<A>): ResolvedBuffered<A> {
  assertKnown(options, KNOWN, 'buffered')
  const { keyOf, load, merge, cache = {}, journal, name } = options
  assertKnown(cache, CACHE_OPTIONS, 'cache')
  if (name !== undefined && (typeof name !== 'string' || name === '')) {
    throw new TypeError(`option name must be a text that is not empty, not ${String(name)}`)
  }
  if (options.codec !== undefined && journal !== undefined && options.codec !== journal.codec) {
    throw new TypeError('option codec goes without a journal, which is stored by the codec of its store')
  }
  return {
    keyOf: keyOf && callback('option keyOf', keyOf),
    load: load && callback('option load', load),
    merge: merge && callback('option merge', merge),
    cache,
    timeoutMs: between('option timeoutMs', options.timeoutMs ?? 30_000, 1, 3_600_000),
    journal: journal && port('option journal', journal, ['commit']),
    name,
    leaseMs: between('option leaseMs', options.leaseMs ?? 5_000, 100, 3_600_000),
    presence: port('option presence', options.presence ?? noPresence, ['describe', 'isGone']),
    limits: resolveLimits(options),
    codec: codecOption(options.codec ?? journal?.codec),
    clock: clockOption(options.clock),
    random: callback('option random', options.random ?? Math.random),
    onError: callback('option onError', options.onError ?? throwAgain),
  }
}

function throwAgain(error: unknown): never {
  throw error
}
