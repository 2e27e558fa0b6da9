import type { Verified } from '../figures.ts'

/** What an instance needs to know to start. */
export interface InstanceConfig {
  /** From 1; READER and WORKER are others. */
  readonly instance: number
  /** With the values and the log; the reader makes no use of it. */
  readonly file: string
  /** What the worker writes. */
  readonly auditFile: string
  readonly replicaFile: string
  /** undefined: there is no shared front, and the instance warms the one in its own memory. */
  readonly redis: { readonly url: string; readonly namespace: string } | undefined
  /** 0: any free one. */
  readonly port: number
}

/** What an instance tells the process that started it. */
export type InstanceMessage =
  | { readonly type: 'warming'; readonly done: number; readonly total: number }
  | { readonly type: 'ready'; readonly port: number }
  | { readonly type: 'failed'; readonly message: string }
  /** A line for the log of whoever runs it. */
  | { readonly type: 'log'; readonly line: string }
  | { readonly type: 'verifying'; readonly records: number }
  | { readonly type: 'verified'; readonly result: Verified }

/** The first thing that an instance is told. */
export interface StartMessage {
  readonly type: 'start'
  readonly config: InstanceConfig
}

/** To compare the shared front with the file. Told to an instance that is ready, once. */
export interface VerifyMessage {
  readonly type: 'verify'
  readonly withinMs: number
}

/** The last thing that an instance is told. It also stops by itself when the other side is gone. */
export interface StopMessage {
  readonly type: 'stop'
}
