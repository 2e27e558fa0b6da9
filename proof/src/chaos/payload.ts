import { createHash } from 'node:crypto'

/** What the workers write. No two writes of a run have the same `id`, so a value names the write that it comes from. */
export interface ChaosValue {
  readonly id: string
  /** How many increments a counter has seen; 0 in other values. */
  readonly count: number
  readonly body: string
  /** What it was written with. */
  readonly tags: readonly string[]
}

export function makeValue(id: string, count: number, bodyLength: number, tags: readonly string[] = []): ChaosValue {
  return { id, count, tags, body: `${id} `.repeat(Math.ceil(bodyLength / (id.length + 1))).slice(0, bodyLength) }
}

/** 12 hexadecimal digits over everything in the value. */
export function hashOf({ id, count, body, tags }: ChaosValue): string {
  return createHash('sha1')
    .update(`${id}\n${count}\n${tags.join(' ')}\n${body}`)
    .digest('hex')
    .slice(0, 12)
}
