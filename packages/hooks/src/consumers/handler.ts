import type { Transaction } from '@tidemark/core'
import type { Change } from '../change.ts'

/** What a handler gets beside what it is to handle. */
export interface HandlerContext {
  /**
   * Aborts when the handler has taken too long, when the lane was lost to another process, and when a `close()`
   * cannot wait any longer. Whatever it does from then on counts for nothing.
   */
  readonly signal: AbortSignal
  /**
   * The fencing token: higher than that of every earlier owner of the lane. Whoever keeps the highest one that he has
   * seen, and refuses lower ones, is safe from an owner that does not know yet that it was replaced.
   */
  readonly fence: number
  readonly lane: number
  /** 1 for the first time; above it, that many tries of this very change have begun. A batch is always tried once. */
  readonly attempt: number
  /** Names a change for ever, `log:epoch:seq`: the same each time that it is handed out. */
  readonly idempotencyKey: (change: Change) => string
}

export interface TransactionContext extends HandlerContext {
  /**
   * Sees what it has written itself; committed when the handler has returned. Everything on it is to be awaited
   * inside.
   */
  readonly tx: Transaction
}

/** Gets one change at a time. */
export type Handler<T = unknown, C = HandlerContext> = (change: Change<T>, context: C) => unknown

/** Gets changes in the order of the log, all of one lane. */
export type BatchHandler<T = unknown, C = HandlerContext> = (changes: readonly Change<T>[], context: C) => unknown
