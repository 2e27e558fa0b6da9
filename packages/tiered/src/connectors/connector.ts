import type { Key, KeyTuple } from '@tidemark/core'

/** What a value is asked for with. */
export interface Query<A = Key> {
  /** What identifies the value: what `keyOf` made of the arguments. */
  readonly key: KeyTuple
  /** What the caller asked with; the key itself, unless `keyOf` is given. */
  readonly args: A
}

/** The last value that was written to a key before the flush. */
export interface ConnectorWrite<A = Key> extends Query<A> {
  /** undefined: the key was deleted. */
  readonly value: unknown
}

export interface CallContext {
  /** Is aborted when the call has not answered within `timeoutMs`, and nobody waits for it any more. A buffer always gives one. */
  readonly signal?: AbortSignal | undefined
}

/** What else a flush says. */
export interface FlushContext extends CallContext {
  /**
   * Names what is written: another attempt at the same writes has the same token, and no other writes have it; also after a crash
   * where there is a journal. A connector that stores it together with them can tell that it has them already.
   */
  readonly token: string
  /**
   * Higher than that of every process that has written the same journal before; undefined: there is no journal. A connector that
   * remembers the highest one refuses a process that was believed dead.
   */
  readonly fence: number | undefined
  /** A state to be stored together with the writes, if the application has kept one since the last flush. */
  readonly checkpoint: { readonly state: unknown } | undefined
}

/**
 * Where values are persisted, as the application knows it: a file, a service, a database. What its writes say is absolute: to
 * write them twice is to write them once.
 *
 * An error that has `retryable: false` means that what was written is refused for good: the writes are tried in ever smaller
 * parts, and those that are refused are set aside. After any other error, the same writes come again, until they are taken.
 */
export interface Connector<A = Key> {
  /** Names it, among the connectors of a buffer and in errors. */
  readonly id: string
  /** Called once, before anything else. */
  connect(context?: CallContext): Promise<void>
  /** Called once, after everything else. */
  disconnect(context?: CallContext): Promise<void>
  /** In the order of the queries; undefined: there is no value. */
  read(queries: readonly Query<A>[], context?: CallContext): Promise<readonly unknown[]>
  /**
   * Resolves when the writes are as durable as they ever get; all of them, or none. Keys occur once. Called one at a time: also
   * after a call that has not answered in time, the next one waits until it has.
   */
  write(writes: readonly ConnectorWrite<A>[], context: FlushContext): Promise<void>
  /** The capability to store a state together with writes. */
  readonly checkpoints?: {
    /** The last one that was stored; undefined: none was. */
    last(context?: CallContext): Promise<unknown>
  }
}
