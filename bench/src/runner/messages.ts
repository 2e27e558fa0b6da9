import type { Notes, Place } from './case.ts'

/** What a worker is started with, as its only argument, in JSON. */
export interface Assignment {
  readonly caseName: string
  readonly contender: string
  readonly place: Place
  readonly warmUpMs: number
  readonly roundMs: number
  /** Given: exactly so many operations per round, and no warm-up. */
  readonly times: number | undefined
}

export type Order = 'round' | 'finish'

export type Answer =
  | { readonly type: 'ready'; readonly times: number }
  | { readonly type: 'round'; readonly times: number; readonly ms: number }
  | { readonly type: 'finished'; readonly notes: Notes }
  | { readonly type: 'failed'; readonly message: string }
