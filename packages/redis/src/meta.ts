import type { FrontLook, FrontSession, TailMark } from '@tidemark/core'
import { EPOCH_LENGTH } from './record.ts'

/**
 * The fields of meta that say where the front stands. The others: `b` base, `n` nonce of INIT, `a` when it was announced, in
 * milliseconds of the server's clock, `0`–`1023` the fences.
 */
export const META_FIELDS = ['e', 'w', 'k', 't', 'h', 'm'] as const

/** Where a front stands, as its meta says. */
export interface Meta {
  /** undefined, like the watermark: meta is not ready. */
  readonly epoch: FrontSession['epoch']
  readonly watermark: number | undefined
  readonly mark: TailMark
  readonly tailer: string
  readonly highest: FrontLook['highest']
}

const NOT_READY: Meta = Object.freeze({
  epoch: undefined,
  watermark: undefined,
  mark: '',
  tailer: '',
  highest: undefined,
})

/** Reads the reply to HMGET of {@link META_FIELDS}. One without the other, epoch and watermark are nothing. */
export function readMeta(reply: unknown): Meta {
  const [epoch, watermark = '', mark = '', tailer = '', highest = '', markOfHighest = ''] = textsOf(reply)
  const seq = seqOf(watermark)
  if (epoch?.length !== EPOCH_LENGTH || seq === undefined) return NOT_READY
  const top = seqOf(highest)
  return {
    epoch,
    watermark: seq,
    mark,
    tailer,
    highest: top === undefined ? undefined : { seq: top, mark: markOfHighest },
  }
}

/** What a script or meta says where a seq is to stand; undefined: nothing, or what is none. */
export function seqOf(text: string): number | undefined {
  const seq = text === '' ? Number.NaN : Number(text)
  return Number.isSafeInteger(seq) && seq >= 0 ? seq : undefined
}

function textsOf(reply: unknown): readonly (string | undefined)[] {
  return (reply as (Buffer | null)[]).map((each) => each?.toString())
}
