import type { Entry, HighestChange, TailMark } from '@tidemark/core'

/** One record, as the server holds it. */
export interface StoredRecord {
  readonly epoch: string
  readonly version: number
  /** undefined: a negative record. */
  readonly entry: Entry | undefined
  /** Wall-clock milliseconds, as its writer wrote it down. */
  readonly until: number
  /** The server's own time at which it goes. */
  readonly endsAt: number
}

/** What the server keeps beside the records. Fields that were never written are undefined. */
export interface ServerMeta {
  epoch: string | undefined
  watermark: number | undefined
  base: number
  mark: TailMark
  tailer: string
  /** The highest change that was executed since the last start. */
  highest: HighestChange | undefined
  nonce: string | undefined
  /** When it was announced, by the server's wall clock. */
  announcedAt: number
  readonly fences: Map<number, number>
}

/** Everything a server holds at one time: what a snapshot file or a replica has. */
export interface ServerSnapshot {
  readonly records: ReadonlyMap<string, StoredRecord>
  readonly meta: ServerMeta | undefined
}

export function emptyMeta(): ServerMeta {
  return {
    epoch: undefined,
    watermark: undefined,
    base: 0,
    mark: '',
    tailer: '',
    highest: undefined,
    nonce: undefined,
    announcedAt: 0,
    fences: new Map(),
  }
}

export function copyMeta(meta: ServerMeta | undefined): ServerMeta | undefined {
  return meta && { ...meta, fences: new Map(meta.fences) }
}
