import type { FrontSession, TailMark } from '@tidemark/core'
import { EPOCH_LENGTH } from './record.ts'

/** The fields of meta that say where the front stands. The others: `b` base, `n` nonce of INIT, `0`–`1023` the fences. */
export const META_FIELDS = ['e', 'w', 'k', 't'] as const

/** Where a front stands, as its meta says. */
export interface Meta {
  /** undefined, like the watermark: meta is not ready. */
  readonly epoch: FrontSession['epoch']
  readonly watermark: number | undefined
  readonly mark: TailMark
  readonly tailer: string
}

const NOT_READY: Meta = Object.freeze({ epoch: undefined, watermark: undefined, mark: '', tailer: '' })

/** Reads the reply to HMGET of {@link META_FIELDS}. One without the other, epoch and watermark are nothing. */
export function readMeta(reply: unknown): Meta {
  const [epoch, watermark, mark, tailer] = (reply as (Buffer | null)[]).map((each) => each?.toString())
  if (epoch?.length !== EPOCH_LENGTH || watermark === undefined) return NOT_READY
  const seq = seqOf(watermark)
  return seq === undefined ? NOT_READY : { epoch, watermark: seq, mark: mark ?? '', tailer: tailer ?? '' }
}

/** What a script or meta says where a seq is to stand; undefined: nothing, or what is none. */
export function seqOf(text: string): number | undefined {
  const seq = text === '' ? Number.NaN : Number(text)
  return Number.isSafeInteger(seq) && seq >= 0 ? seq : undefined
}
