import type { Commit, Proposal } from '@tidemark/core'
import type { AgreementTable } from './agreement-table.ts'
import type { LeaseTable } from './lease-table.ts'

/** What one caller asked for. */
export type Request =
  | { readonly kind: 'proposal'; readonly proposal: Proposal }
  | { readonly kind: 'expire'; readonly limit: number }
  | { readonly kind: 'task'; readonly task: Task }

/** Something that is no change of the log, in its place among the commits of a transaction. */
type Task = (transaction: Transaction) => unknown

/** What a task works on. */
export interface Transaction {
  /** Of the log, with what the commits before it in the same transaction have added. */
  readonly head: number
  readonly agreements: AgreementTable
  readonly leases: LeaseTable
  /** The log has another epoch from here on. */
  startEpoch(): void
}

/** What became of one request: a commit, what a task returned, or the error that only this one failed with. */
export type Outcome = { readonly commit: Commit } | { readonly result: unknown } | { readonly error: unknown }
