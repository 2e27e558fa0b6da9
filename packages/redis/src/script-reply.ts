import { EPOCH_LENGTH } from './record.ts'

/** What a script answers in place of an epoch when meta is not ready. */
const NOT_READY = '--------'

export interface ScriptReply {
  /** The epoch of the server's meta; undefined when it is not ready. */
  readonly epoch: string | undefined
  /** What follows it. */
  readonly rest: string
}

/** Takes apart what APPLY, FILL and TAIL answer. */
export function parseReply(reply: unknown): ScriptReply {
  const text = String(reply)
  const epoch = text.slice(0, EPOCH_LENGTH)
  return { epoch: epoch === NOT_READY ? undefined : epoch, rest: text.slice(EPOCH_LENGTH) }
}
