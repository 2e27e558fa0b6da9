import { Redis } from 'ioredis'
import { type FrontRecord, parseRecord } from './record-bytes.ts'

/** What a shared front holds, as Redis tells it. */
export interface FrontState {
  /** undefined: there is no meta, and no record counts. */
  readonly epoch: string | undefined
  readonly watermark: number | undefined
  readonly records: readonly FrontRecord[]
}

/** Reads the one front of a server, whatever its namespace. Not atomic: for a front at rest. */
export async function readFront(port: number): Promise<FrontState> {
  const redis = new Redis({ port, host: '127.0.0.1' })
  try {
    const [meta] = await redis.keys('*:{p*}.m')
    if (meta === undefined) return { epoch: undefined, watermark: undefined, records: [] }
    const [epoch, watermark] = await redis.hmget(meta, 'e', 'w')
    const prefix = `${meta.slice(0, -2)}:`
    const records: FrontRecord[] = []
    for (const name of await redis.keys(`${prefix}*`)) {
      const bytes = await redis.getBuffer(name)
      if (bytes !== null) records.push(parseRecord(name.slice(prefix.length), bytes))
    }
    return { epoch: epoch ?? undefined, watermark: watermark == null ? undefined : Number(watermark), records }
  } finally {
    redis.disconnect()
  }
}

/** How far a front has got, without its records. */
export async function readWatermark(port: number): Promise<number | undefined> {
  const redis = new Redis({ port, host: '127.0.0.1' })
  try {
    const [meta] = await redis.keys('*:{p*}.m')
    const [epoch, watermark] = meta === undefined ? [] : await redis.hmget(meta, 'e', 'w')
    return epoch == null || watermark == null ? undefined : Number(watermark)
  } finally {
    redis.disconnect()
  }
}
