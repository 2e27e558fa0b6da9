/** What a sink needs of a change: those of `@tidemark/hooks` have it. */
export interface SinkChange {
  readonly seq: number
  toJSON(): Record<string, unknown>
}

/** What a sink needs to know about a batch: consumers of `@tidemark/hooks` hand it over. */
export interface SinkContext {
  /** Aborts when the batch no longer belongs to who handed it over. */
  readonly signal: AbortSignal
  readonly lane?: number | undefined
  /** Higher than that of every earlier owner of the lane. */
  readonly fence?: number | undefined
  /** `log:epoch:seq`: the same for a change however often it is delivered, and another one for every other change. */
  idempotencyKey(change: SinkChange): string
}

/**
 * A handler of a consumer. Resolved: what the batch says is out there. A batch may come again, whole, in part, or beside
 * new changes, and batches of several lanes may come at once.
 */
export interface Sink {
  (changes: readonly SinkChange[], context: SinkContext): Promise<void>
  /** So that a consumer that hands changes over one by one refuses it when it begins, and not with every change. */
  readonly takesBatches?: true
}

/** @throws TypeError for a change that came alone, as consumers hand them over that were not asked for batches */
export function assertBatch(changes: readonly SinkChange[]): void {
  if (!Array.isArray(changes)) {
    throw new TypeError('a sink takes batches: give the consumer the option batch, say batch: 100')
  }
}
