/** One change of the log, as far as the checker needs it. */
export interface Logged {
  readonly seq: number
  readonly key: string
  readonly op: 'set' | 'delete'
  /** Of the value; undefined for a delete. */
  readonly id: string | undefined
  /** Computed from the value in the log. */
  readonly hash: string | undefined
  readonly count: number | undefined
}
