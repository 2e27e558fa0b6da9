import { type KeyTuple, noteOfAbsence, type Payload } from '@tidemark/core'

/** One of two states of a key that do not know of each other. */
export interface SyncSide {
  readonly op: 'set' | 'delete'
  /** Of the store that it stands in; 0 where that does not tell. */
  readonly version: number
  /** Wall-clock milliseconds of its commit; undefined where that is not known. */
  readonly at: number | undefined
  readonly expiresAt: number | undefined
  /** Decoded when read. @throws CorruptError */
  readonly value: unknown
  /** What the writer attached; decoded when read. @throws CorruptError */
  readonly meta: unknown
}

/** Both stores have written a key, and one of the states has been lost, or merged. */
export interface SyncConflict {
  /** In the target. */
  readonly key: KeyTuple
  readonly winner: 'source' | 'target' | 'merged'
  readonly source: SyncSide
  readonly target: SyncSide
}

/** What a side is made of. */
export interface SideFacts {
  readonly version: number
  readonly at: number | undefined
  readonly payload?: Payload | undefined
  readonly meta?: Payload | undefined
  readonly expiresAt?: number | undefined
}

class Side implements SyncSide {
  readonly op: 'set' | 'delete'
  readonly version: number
  readonly at: number | undefined
  readonly expiresAt: number | undefined
  readonly #payload: Payload | undefined
  readonly #meta: Payload | undefined

  constructor({ version, at, expiresAt, payload, meta }: SideFacts) {
    // That a loader found nothing is stored as an entry, and reads as none.
    const isSet = payload !== undefined && !noteOfAbsence(meta)
    this.op = isSet ? 'set' : 'delete'
    this.version = version
    this.at = at
    this.expiresAt = expiresAt
    this.#payload = isSet ? payload : undefined
    this.#meta = meta
    Object.freeze(this)
  }

  get value(): unknown {
    return this.#payload?.read()
  }

  get meta(): unknown {
    return this.#meta?.read()
  }
}

export function sideOf(facts: SideFacts): SyncSide {
  return new Side(facts)
}
