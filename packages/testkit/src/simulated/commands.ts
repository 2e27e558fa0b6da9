import type { Entry, FrontLook, FrontOutcome, FrontStart, SharedTailStep, TailMark } from '@tidemark/core'

/** A record on its way to the server. */
export interface SentRecord {
  readonly version: number
  readonly entry: Entry | undefined
  readonly until: number
  /** How long the server keeps it, in milliseconds. */
  readonly px: number
}

export interface SentChange {
  readonly id: string
  readonly seq: number
  readonly mark: TailMark
  /** undefined: there is nothing to install. */
  readonly record: SentRecord | undefined
}

export interface SentFill {
  readonly id: string
  readonly asOf: number
  readonly record: SentRecord
}

export interface BatchReply {
  /** The server's own; undefined: its meta is not ready. */
  readonly epoch: string | undefined
  readonly outcomes: readonly FrontOutcome[]
}

export type SentStep = Omit<SharedTailStep, 'changes'> & {
  readonly changes: readonly { readonly id: string; readonly seq: number }[]
}

export interface SentAnnouncement {
  readonly nonce: string
  /** The epoch in which the front was found to need a start. */
  readonly seen: string | undefined
  /** The nonce that the same front announced before. */
  readonly own: string | undefined
  /** How long the announcement of another one holds. */
  readonly patienceMs: number
}

export interface SentStart extends FrontStart {
  readonly nonce: string
}

/** What the server says of itself. */
export interface ServerLook extends Omit<FrontLook, 'session'> {
  readonly server: string
  readonly epoch: string | undefined
}

/** The server answered that it does not do this now. */
export class ServerRefusal extends Error {
  override readonly name = 'ServerRefusal'
  readonly reason: 'OOM' | 'LOADING' | 'READONLY'

  constructor(reason: ServerRefusal['reason']) {
    super(`${reason} refused by the simulated server`)
    this.reason = reason
  }
}
