import { tagKey } from '@tidemark/core'
import { Redis } from 'ioredis'
import { nameOfTag, TAGS } from '../keys.ts'
import { type FrontRecord, parseRecord } from './record-bytes.ts'

/** How far a front has got. */
export interface FrontPosition {
  /** undefined: there is no meta, and no record counts. */
  readonly epoch: string | undefined
  readonly watermark: number | undefined
}

/** What a shared front holds, as Redis tells it. */
export interface FrontState extends FrontPosition {
  readonly records: readonly FrontRecord[]
}

const META_SUFFIX = '.m'
const TAG_NAMES = new Map(TAGS.map((tag) => [tagKey(tag).id, nameOfTag(tag)]))

/** Reads the one front of a server, whatever its namespace. Not atomic: for a front at rest. */
export function readFront(port: number): Promise<FrontState> {
  return withRedis(port, async (redis) => {
    const { meta, ...position } = await positionOf(redis)
    if (meta === undefined) return { ...position, records: [] }
    const prefix = `${meta.slice(0, -META_SUFFIX.length)}:`
    const records: FrontRecord[] = []
    for (const name of await redis.keys(`${prefix}*`)) {
      const bytes = await redis.getBuffer(name)
      const id = name.slice(prefix.length)
      if (bytes !== null) records.push(parseRecord(TAG_NAMES.get(id) ?? id, bytes))
    }
    return { ...position, records }
  })
}

export function readPosition(port: number): Promise<FrontPosition> {
  return withRedis(port, positionOf)
}

async function positionOf(redis: Redis): Promise<FrontPosition & { readonly meta: string | undefined }> {
  const [meta] = await redis.keys(`*:{p*}${META_SUFFIX}`)
  const [epoch, watermark] = meta === undefined ? [] : await redis.hmget(meta, 'e', 'w')
  return {
    meta,
    epoch: epoch ?? undefined,
    watermark: typeof watermark === 'string' ? Number(watermark) : undefined,
  }
}

async function withRedis<T>(port: number, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis({ port, host: '127.0.0.1' })
  // It was just there; what fails now rejects the command that met it.
  redis.on('error', () => undefined)
  try {
    return await use(redis)
  } finally {
    redis.disconnect()
  }
}
