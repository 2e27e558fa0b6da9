import { NO_WATERMARK, type Server } from '../state/server.ts'
import type { Rules } from './rules.ts'

/** INIT, first step: from here on, until it is completed, nothing is installed or filled. */
export function announce(server: Server, nonce: number): Server {
  return { ...server, watermark: NO_WATERMARK, mark: 0, nonce }
}

export interface SentStart {
  readonly nonce: number
  readonly epoch: number
  readonly head: number
  readonly mark: number
}

/** INIT, last step. The server as it was: meta was lost, or another start announced, since the first one. */
export function complete(server: Server, { nonce, epoch, head, mark }: SentStart, rules: Rules): Server {
  const { flaw, keepsHighest } = rules
  if (server.nonce !== nonce && flaw !== 'start-ignores-nonce') return server
  // What was executed past the head has left no record in the new epoch.
  const highest = keepsHighest ? { highest: head, markOfHighest: mark } : undefined
  return {
    ...server,
    ...highest,
    epoch,
    base: flaw === 'start-without-base' ? 0 : head,
    watermark: head,
    mark,
    nonce: 0,
  }
}
