import { between, flag, type Payload, wholeAtLeast } from '@tidemark/core'

/** What a buffer remembers of what it read and wrote. */
export interface CacheOptions {
  /** @default 10_000 */
  readonly maxEntries?: number | undefined
  /** @default 64 MiB */
  readonly maxBytes?: number | undefined
  /**
   * Whether a value that had to go is found again as long as the application itself holds on to it. Of use for objects and arrays
   * that can be frozen.
   * @default false
   */
  readonly weak?: boolean | undefined
}

export const CACHE_OPTIONS: readonly (keyof CacheOptions)[] = ['maxEntries', 'maxBytes', 'weak']

/** What is known of a key. */
export interface Cached {
  /** undefined: it does not exist. */
  readonly payload: Payload | undefined
}

const OVERHEAD_BYTES = 200
const DEFAULT_BYTES = 64 * 1024 * 1024

/** The values that were read or written last, bounded by their number and bytes. */
export class ReadCache {
  readonly #maxEntries: number
  readonly #maxBytes: number
  readonly #onEvict: (id: string) => void
  /** The least recently used one first. */
  readonly #entries = new Map<string, Cached>()
  readonly #weak: Map<string, WeakRef<object>> | undefined
  /** The payload that a value was read from: what is found again is handed out again. */
  readonly #payloads = new WeakMap<object, Payload>()
  readonly #gone: FinalizationRegistry<string> | undefined
  #bytes = 0

  /** @throws TypeError or RangeError that names the option */
  constructor(options: CacheOptions, onEvict: (id: string) => void) {
    this.#maxEntries = wholeAtLeast('option cache.maxEntries', options.maxEntries ?? 10_000, 0)
    this.#maxBytes = between('option cache.maxBytes', options.maxBytes ?? DEFAULT_BYTES, 0, Number.MAX_SAFE_INTEGER)
    this.#onEvict = onEvict
    if (!flag('option cache.weak', options.weak ?? false)) return
    const weak = (this.#weak = new Map<string, WeakRef<object>>())
    this.#gone = new FinalizationRegistry((id) => {
      if (weak.get(id)?.deref() === undefined) weak.delete(id)
    })
  }

  get(id: string): Cached | undefined {
    const cached = this.#entries.get(id)
    if (cached !== undefined) {
      this.#entries.delete(id)
      this.#entries.set(id, cached)
      return cached
    }
    const value = this.#weak?.get(id)?.deref()
    const payload = value && this.#payloads.get(value)
    return payload && { payload }
  }

  put(id: string, payload: Payload | undefined): void {
    this.forget(id)
    this.#entries.set(id, { payload })
    this.#bytes += bytesOf(payload)
    while (this.#entries.size > this.#maxEntries || this.#bytes > this.#maxBytes) {
      const [oldest] = this.#entries.keys()
      this.#remove(oldest!)
      this.#onEvict(oldest!)
    }
  }

  /** The value is handed out: it may be found again by it. @returns the same value */
  handOut(id: string, payload: Payload, value: unknown): unknown {
    if (this.#weak === undefined || typeof value !== 'object' || value === null || !Object.isFrozen(value)) return value
    if (this.#payloads.get(value) === payload) return value
    this.#payloads.set(value, payload)
    this.#weak.set(id, new WeakRef(value))
    this.#gone!.register(value, id)
    return value
  }

  /** What is known of it is not true any more. */
  forget(id: string): void {
    this.#remove(id)
    this.#weak?.delete(id)
  }

  #remove(id: string): void {
    const cached = this.#entries.get(id)
    if (cached === undefined) return
    this.#entries.delete(id)
    this.#bytes -= bytesOf(cached.payload)
  }
}

function bytesOf(payload: Payload | undefined): number {
  return OVERHEAD_BYTES + (payload?.byteLength ?? 0)
}
