import type { Log, LogChange } from '@tidemark/core'
import type { Change } from '../change.ts'
import type { RowFilter } from '../change-filter.ts'
import { shownChanges } from './held-changes.ts'
import { changesWithOld } from './old-values.ts'

/** What one subscriber is shown of rows of the log: those it wants, of which `also` holds. */
export type ShowChanges<T> = (
  rows: readonly LogChange[],
  also?: RowFilter,
) => readonly Change<T>[] | Promise<readonly Change<T>[]>

export interface ChangeViewOptions {
  readonly isWanted: RowFilter
  /** With the values that they replaced, looked up in `log`. */
  readonly old: boolean
}

export function changeView<T>(log: Log, { isWanted, old }: ChangeViewOptions): ShowChanges<T> {
  if (!old) return (rows, also) => shownChanges<T>(rows, both(isWanted, also))
  return (rows, also) => changesWithOld<T>(log, rows, both(isWanted, also))
}

function both(one: RowFilter, other: RowFilter | undefined): RowFilter {
  if (other === undefined) return one
  return (row) => other(row) && one(row)
}
