/** A record of a shared front. */
export interface FrontRecord {
  readonly epoch: number
  readonly version: number
  /** The knowledge that the key is missing. */
  readonly absent: boolean
  /** Which history of the log its version is a position in: versions are used again after a restore. Not in Redis. */
  readonly history: number
}

/** Everything one server holds: records and meta. */
export interface Server {
  readonly records: readonly (FrontRecord | undefined)[]
  /** 0: none. */
  readonly epoch: number
  /** NO_WATERMARK: none. */
  readonly watermark: number
  readonly base: number
  /** 0: none. */
  readonly nonce: number
  /** By stripe. */
  readonly fences: readonly number[]
  /** Stands for what identifies the change at the watermark: the history that it belongs to. */
  readonly mark: number
  /**
   * The highest seq that was executed since the last start, past the watermark too, with its mark. Where the scenario looks
   * at it: elsewhere 0.
   */
  readonly highest: number
  readonly markOfHighest: number
  /** The highest seq that was executed on each key. Not in Redis: the fence stands for it there, a stripe at a time. */
  readonly executed: readonly number[]
}

export const NO_WATERMARK = -1

export function isReady(server: Server): boolean {
  return server.epoch !== 0 && server.watermark !== NO_WATERMARK
}

/** -1: there is no record, or one of another epoch, which is none. */
export function versionOf({ records, epoch }: Server, key: number): number {
  const record = records[key]
  return record !== undefined && epoch !== 0 && record.epoch === epoch ? record.version : -1
}

export function withRecord(server: Server, key: number, record: FrontRecord | undefined): Server {
  return server.records[key] === record ? server : { ...server, records: server.records.with(key, record) }
}

/** Meta is gone. What was executed stays executed. */
export function withoutMeta(server: Server): Server {
  return {
    ...server,
    epoch: 0,
    watermark: NO_WATERMARK,
    base: 0,
    nonce: 0,
    mark: 0,
    highest: 0,
    markOfHighest: 0,
    fences: server.fences.map(() => 0),
  }
}
