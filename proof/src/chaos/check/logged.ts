/** One change of the log, as far as the checker needs it. */
export interface Logged {
  readonly seq: number
  /** Of an invalidation, the name of the tag: see nameOfTag. */
  readonly key: string
  readonly op: 'set' | 'delete' | 'invalidate'
  /** Of the value; undefined where there is none: for a delete, and where a loader found nothing. */
  readonly id: string | undefined
  /** Computed from the value in the log. */
  readonly hash: string | undefined
  readonly count: number | undefined
  /** What the value was written with. */
  readonly tags: readonly string[]
}
