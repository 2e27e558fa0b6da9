import {
  ConflictError,
  type ErrorCode,
  type Lease,
  type LogChange,
  type MarkWrite,
  TidemarkError,
  type Transaction,
  TransactionAttempt,
  Visibility,
} from '@tidemark/core'
import { toChanges } from '../logged-change.ts'
import { callHandler, type CallOutcome } from './call-handler.ts'
import type { ConsumerParts } from './consumer-parts.ts'
import type { BatchHandler, Handler, TransactionContext } from './handler.ts'

/** One run of the handler, and what it takes for it to count. */
export interface Attempt {
  readonly lane: number
  readonly lease: Lease
  /** Of the log that the changes stand in. */
  readonly epoch: number
  readonly attempt: number
  readonly rows: readonly LogChange[]
  /** Written when the handler has succeeded, in the commit of its transaction where it has one. */
  readonly marks: readonly MarkWrite[]
  readonly interrupt: AbortSignal
}

/**
 * Runs the handler, and commits that it has succeeded. Not done: nothing is committed.
 * @throws what the back tier throws; whether it is committed then, the lane's mark tells
 */
export function runAttempt(parts: ConsumerParts, attempt: Attempt): Promise<CallOutcome> {
  if (attempt.rows.length > 0 && parts.options.transaction) return runInTransaction(parts, attempt)
  return runOutside(parts, attempt)
}

async function runOutside(parts: ConsumerParts, attempt: Attempt): Promise<CallOutcome> {
  const { rows, marks, lease } = attempt
  const outcome: CallOutcome = rows.length === 0 ? { kind: 'done' } : await call(parts, attempt, undefined)
  if (outcome.kind === 'done') await parts.back.marks.write(marks, { lease })
  return outcome
}

async function runInTransaction(parts: ConsumerParts, attempt: Attempt): Promise<CallOutcome> {
  const { back, turns } = parts
  const { lease, marks } = attempt
  const { clock } = parts.options
  for (let conflicts = 1; ; conflicts++) {
    const outcome = await turns.run(async (): Promise<CallOutcome | undefined> => {
      const tx = new TransactionAttempt({ back, visibility: new Visibility(back, clock), clock })
      const called = await call(parts, attempt, tx)
      tx.end()
      if (called.kind !== 'done') return called
      try {
        await tx.commit(undefined, { lease, keepLease: true, marks })
        return called
      } catch (error) {
        if (error instanceof ConflictError) return undefined
        if (isOfBack(error)) throw error
        // A key that is too long, say: what the handler wrote cannot be committed, however often that is tried.
        return { kind: 'failed', error }
      }
    })
    if (outcome !== undefined) return outcome
    await turns.met(conflicts)
  }
}

function call(parts: ConsumerParts, attempt: Attempt, tx: Transaction | undefined): Promise<CallOutcome> {
  const { handler, log, options } = parts
  const { lane, lease, epoch, rows, interrupt } = attempt
  const changes = toChanges(rows)
  return callHandler({ clock: options.clock, timeoutMs: options.timeoutMs, interrupt }, (signal) => {
    const context: TransactionContext = {
      signal,
      fence: lease.token,
      lane,
      attempt: attempt.attempt,
      idempotencyKey: ({ seq }) => `${log.identity.id}:${epoch}:${seq}`,
      // Without the option, the types do not show it.
      tx: tx as Transaction,
    }
    return options.isBatched
      ? (handler as BatchHandler<unknown, TransactionContext>)(changes, context)
      : (handler as Handler<unknown, TransactionContext>)(changes[0]!, context)
  })
}

const OF_BACK: readonly ErrorCode[] = [
  'CLOSED',
  'LEASE_LOST',
  'BUSY',
  'READ_ONLY',
  'DISK_FULL',
  'IO',
  'TIMEOUT',
  'FILE_MISSING',
]

/** Whether the back tier failed, and not what was to be committed. */
function isOfBack(error: unknown): boolean {
  return error instanceof TidemarkError && OF_BACK.includes(error.code)
}
