import type { SharedFront, StoreKey, TidemarkError } from '@tidemark/core'

/**
 * `connecting`: the first attempt is under way, and calls wait for it as long as for an answer · `fenced`: connected, but
 * nobody has initialized the server, or it has lost its meta; nothing is served or installed · `ready` · `suspended`: the
 * server does not answer, or not usefully; calls fail at once until it does · `disconnected`: likewise, and the next attempt
 * comes by itself · `closed`
 */
export type RedisFrontStatus = 'connecting' | 'fenced' | 'ready' | 'suspended' | 'disconnected' | 'closed'

export type RedisFrontEvent =
  | { readonly type: 'status'; readonly status: RedisFrontStatus; readonly error: TidemarkError | undefined }
  /** The server refused to take more memory. For a second nothing is installed or filled, and changes only remove. */
  | { readonly type: 'full'; readonly error: TidemarkError }
  /** It takes again what is to be held. */
  | { readonly type: 'room' }
  /** A record was not what this release writes. It counted as a miss, and is deleted. */
  | { readonly type: 'quarantined'; readonly key: StoreKey }

export type RedisFrontListener = (event: RedisFrontEvent) => void

/** What the front has done so far, and where it stands. Counts only grow. */
export interface RedisFrontStats {
  readonly status: RedisFrontStatus
  /** undefined: not known. */
  readonly epoch: string | undefined
  /** Whether the server refused to take more memory within the last second. */
  readonly full: boolean
  /** Commands sent, those of the background included. */
  readonly commands: number
  /** How often a call of the port waited for the server; what travels together counts once. */
  readonly roundTrips: number
  readonly hits: number
  readonly misses: number
  readonly timeouts: number
  /** Connections made, the first one included. */
  readonly connections: number
  readonly quarantined: number
}

/** The shared front tier on a Redis server. See the README for what it guarantees. */
export interface RedisFront extends SharedFront {
  readonly status: RedisFrontStatus
  /** Why the front is not ready, where it knows. */
  readonly error: TidemarkError | undefined
  stats(): RedisFrontStats
  /** Calls the listener on every event, until the returned function is called. What a listener throws is thrown away. */
  on(listener: RedisFrontListener): () => void
  /** Resolves once the front serves and installs. @throws TidemarkError when it does not within the time. */
  whenReady(timeoutMs: number): Promise<void>
}
