import type { Back, Log } from '@tidemark/core'
import type { ConflictTurns } from './conflict-turns.ts'
import type { ConsumerEvent } from './consumer-event.ts'
import type { ResolvedConsumerOptions } from './consumer-options.ts'
import type { Progress } from './progress.ts'
import type { Registration } from './registration.ts'
import type { BatchHandler, Handler, TransactionContext } from './handler.ts'

/** What the lanes of a consumer share. */
export interface ConsumerParts {
  readonly name: string
  readonly back: Back
  /** Of the back tier; the lanes share it. */
  readonly log: Log
  readonly registration: Registration
  readonly options: ResolvedConsumerOptions
  readonly handler: Handler<unknown, TransactionContext> | BatchHandler<unknown, TransactionContext>
  readonly turns: ConflictTurns
  readonly progress: Progress
  readonly emit: (event: ConsumerEvent) => void
  /** Ends the whole consumer, which cannot go on. */
  readonly end: (error: unknown) => void
}
