import {
  areInterchangeable,
  type Back,
  type Codec,
  type DeleteWrite,
  type Entry,
  type LogChange,
  noteOfAbsence,
  Payload,
  type SetWrite,
  StoreKey,
  partOf,
  partsKey,
  tagOfKey,
  typeOf,
  userKey,
  type WriteSource,
} from '@tidemark/core'
import type { ResolvedSyncOptions } from './sync-options.ts'
import { isUserKey, stampKey } from './sync-keys.ts'

/** A state of a key, as it comes from the source, that the target is to take. */
export interface Incoming {
  /** In the target. */
  readonly key: StoreKey
  /** With its source. */
  readonly write: SetWrite | DeleteWrite
  readonly source: WriteSource
  /** The source itself has taken it from another store. */
  readonly isRelayed: boolean
  readonly isExpiry: boolean
  /** The invalidation of a tag. */
  readonly isTag: boolean
  /** In the source; undefined where that is not known. */
  readonly prevVersion: number | undefined
  /** In the source. */
  readonly version: number
  /** It is one of a snapshot. */
  readonly isEntry: boolean
  /** An element of a log: nobody else writes it, or writes it anew. */
  readonly isPart?: boolean
  /** The target itself has made it, and it is there already. */
  readonly isLocal?: boolean
}

/** What a sync copies from: a back tier, or what can be read of one. */
export type SyncSource = Pick<Back, 'log' | 'scan'> & Partial<Pick<Back, 'marks' | 'codec'>>

export type FailedEntry = (key: StoreKey, seq: number, error: unknown) => void

/** Makes of what is read from the source what the target is to take. */
export class Intake {
  readonly #options: ResolvedSyncOptions
  readonly #from: SyncSource
  readonly #codec: Codec
  readonly #failed: FailedEntry

  /** @param failed gets what concerns one entry alone, which is left out */
  constructor(from: SyncSource, codec: Codec, options: ResolvedSyncOptions, failed: FailedEntry) {
    this.#from = from
    this.#codec = codec
    this.#options = options
    this.#failed = failed
  }

  /** undefined: it is not wanted. */
  ofChange(row: LogChange): Incoming | undefined {
    // What a blob is made of is copied when it is whole, and what is gone is removed by each store for itself.
    if (partOf(row.key) !== undefined) return row.op === 'set' && row.leftOut !== true ? this.ofElement(row) : undefined
    const isTag = tagOfKey(row.key) !== undefined
    const key = isTag ? row.key : this.#keyOf(row.key, row.seq)
    if (key === undefined) return undefined
    const { seq, op, path, expiresAt, prevVersion, at, origin } = row
    const source =
      row.source === undefined ? { log: this.#from.log.identity.id, seq, at, origin } : { ...row.source, origin }
    const facts = { key, source, isRelayed: row.source !== undefined, isTag, prevVersion, version: seq, isEntry: false }
    if (op !== 'set') return { ...facts, isExpiry: op === 'expire', write: { op: 'delete', key, source } }
    if (row.payload === undefined) {
      this.#failed(row.key, seq, new TypeError(`the value of change ${seq} did not travel to where the log is read`))
      return undefined
    }
    const values = this.#valuesOf(row.key, seq, row.payload, row.meta)
    return values && { ...facts, isExpiry: false, write: { op, key, path, expiresAt, source, ...values } }
  }

  /** An element of a log, as a change or an entry tells of it; undefined: it is not wanted. */
  ofElement(element: LogChange | Entry): Incoming | undefined {
    const part = partOf(element.key)
    if (part?.kind !== 'element' || element.payload === undefined) return undefined
    const facts = 'seq' in element ? element : { ...element, seq: element.version, at: element.writtenAt, origin: '' }
    const { seq, at, origin } = facts
    const owner = this.#keyOf(part.owner, seq)
    const values = owner && this.#valuesOf(part.owner, seq, element.payload, undefined)
    if (owner === undefined || values === undefined) return undefined
    const key = StoreKey.of([...partsKey('element', owner, part.id).tuple, element.key.tuple.at(-1)!])
    const relayed = 'source' in element ? element.source : undefined
    const source = relayed === undefined ? { log: this.#from.log.identity.id, seq, at, origin } : { ...relayed, origin }
    return {
      key,
      write: { op: 'set', key, path: undefined, expiresAt: undefined, source, ...values },
      source,
      isRelayed: relayed !== undefined,
      isExpiry: false,
      isTag: false,
      isPart: true,
      prevVersion: 0,
      version: seq,
      isEntry: !('seq' in element),
    }
  }

  /** A value of the source, as the target can read it. @throws CorruptError for what is bound to its place, and damaged */
  copied(payload: Payload): Payload {
    return this.#isForeign() ? reencoded(this.#codec, payload) : this.#loosened(payload)
  }

  /** @param row the change that made it; undefined: the log of the source does not tell */
  ofEntry(entry: Entry, row: LogChange | undefined, source: WriteSource): Incoming | undefined {
    const key = this.#keyOf(entry.key, entry.version)
    const values = key && this.#valuesOf(entry.key, entry.version, entry.payload, entry.meta)
    if (key === undefined || values === undefined) return undefined
    const { payload, meta } = values
    return {
      key,
      write: { op: 'set', key, payload, meta, expiresAt: entry.expiresAt, path: undefined, source },
      source,
      isRelayed: source.log !== this.#from.log.identity.id,
      isExpiry: false,
      isTag: false,
      prevVersion: row?.prevVersion,
      version: entry.version,
      isEntry: true,
    }
  }

  /** Of a key that the source has remembered the deletion of. */
  ofTombstone(sourceKey: StoreKey, source: WriteSource): Incoming | undefined {
    const isTag = tagOfKey(sourceKey) !== undefined
    const key = isTag ? undefined : this.#keyOf(sourceKey, source.seq)
    if (key === undefined) return undefined
    const facts = { isRelayed: true, isExpiry: false, isTag, prevVersion: undefined, version: 0, isEntry: true }
    return { key, source, write: { op: 'delete', key, source }, ...facts }
  }

  #keyOf(key: StoreKey, seq: number): StoreKey | undefined {
    const { isWanted, map } = this.#options
    try {
      if (!isUserKey(key) || !isWanted(key)) return undefined
      if (map === undefined) return this.#checked(key)
      const mapped = userKey(map(key.tuple))
      void mapped.bytes
      return this.#checked(mapped)
    } catch (error) {
      this.#failed(key, seq, error)
      return undefined
    }
  }

  /** @throws RangeError for a key that leaves no room for its stamp, where it needs one */
  #checked(key: StoreKey): StoreKey {
    if (this.#options.conflict.policy === 'lastWriter') stampKey(key)
    return key
  }

  /** What concerns this entry alone. */
  leaveOut(key: StoreKey, seq: number, error: unknown): void {
    this.#failed(key, seq, error)
  }

  #valuesOf(
    key: StoreKey,
    seq: number,
    payload: Payload,
    meta: Payload | undefined,
  ): { readonly payload: Payload; readonly meta: Payload | undefined } | undefined {
    const { mapValue } = this.#options
    try {
      // Of a log and a blob, it says where their parts are.
      const isValue = !noteOfAbsence(meta) && typeOf({ meta }) === 'value'
      if (mapValue !== undefined && isValue) {
        return { payload: Payload.encode(this.#codec, mapValue(payload.decode(), key.tuple)), meta: this.#meta(meta) }
      }
      return { payload: this.copied(payload), meta: this.#meta(meta) }
    } catch (error) {
      this.#failed(key, seq, error)
      return undefined
    }
  }

  #meta(meta: Payload | undefined): Payload | undefined {
    if (meta === undefined || !this.#isForeign()) return meta && this.#loosened(meta)
    const { notes } = meta
    const value: unknown = meta.decode()
    return notes === undefined ? Payload.encode(this.#codec, value) : Payload.encodeWithNotes(this.#codec, notes, value)
  }

  /** What is bound is read here, where a damaged one fails alone, and not in the commit of all. */
  #loosened(payload: Payload): Payload {
    return payload.isBound ? Payload.fromEnvelope(this.#codec, payload.envelope) : payload
  }

  /** The target could not read the bytes of the source. */
  #isForeign(): boolean {
    const { codec } = this.#from
    return codec !== undefined && !areInterchangeable(codec, this.#codec)
  }
}

/** What cannot be decoded is no better in another codec: its bytes say more than nothing, unless they do so in one place only. */
function reencoded(codec: Codec, payload: Payload): Payload {
  let value: unknown
  try {
    value = payload.decode()
  } catch (error) {
    if (payload.isBound) throw error
    return payload
  }
  return Payload.encode(codec, value)
}
