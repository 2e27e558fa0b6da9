import { CompactedError, keepAlive, type Log, type LogChange, type LogPage, TidemarkError } from '@tidemark/core'
import { checkOf, NO_CHECK } from './check.ts'
import { readPage } from './streams/read-page.ts'
import { decodeToken, type Position } from './token.ts'

/** Where a subscription starts, and the first page from there, read in the same snapshot. */
export interface Start extends Position {
  readonly page: LogPage
}

export async function startAtBeginning(log: Log, limit: number): Promise<Start> {
  const page = await readPage(log, { after: 0, limit })
  return { ...log.identity, seq: 0, check: NO_CHECK, page }
}

export async function startNow(log: Log, limit: number): Promise<Start> {
  return startAt(log, await log.head(), limit)
}

/**
 * Right before the first change that was committed at a wall-clock time or later; at the head of the log when there is
 * none yet. What follows then may still be committed before that time.
 */
export async function startBeforeTime(log: Log, at: number, limit: number): Promise<Start> {
  const seq = await log.seqBefore(at)
  // The log does not know how much it has lost of what is asked for: as if it were everything.
  return seq === undefined ? startAtBeginning(log, limit) : startAt(log, seq, limit)
}

/**
 * With the first change that was committed at a wall-clock time or later. Waits until there is one, and keeps the
 * process alive meanwhile: no place before it would tell whoever goes on from there what he did not want.
 * @throws the reason of `signal` when it aborts during the wait
 */
export async function startAtTime(log: Log, at: number, limit: number, signal: AbortSignal): Promise<Start> {
  for (;;) {
    const start = await startBeforeTime(log, at, limit)
    // A log may bound its pages in other ways too: an empty rest of a page says nothing about what follows.
    const isKnown = start.page.changes.length > 0 || start.page.head <= start.seq
    const page = isKnown ? start.page : await readPage(log, { after: start.seq, limit })
    const [first] = page.changes
    // What was committed since the log was asked for the time may still lie before it: then it is asked anew.
    if (first !== undefined && first.at >= at) return { ...start, page }
    if (first === undefined) await keepAlive(() => log.wait(start.seq, signal))
    signal.throwIfAborted()
  }
}

/** Right after change `seq`, of which a snapshot has told. */
export async function startAt(log: Log, seq: number, limit: number): Promise<Start> {
  const { last, page } = await readAround(log, seq, limit)
  return { ...log.identity, seq, check: last === undefined ? NO_CHECK : checkOf(last), page }
}

/**
 * Checks that the log still is the one that the token was made from, and holds everything that follows it. When the
 * token stands exactly at the floor, everything after it is there; its own change is gone, and the check cannot be made,
 * unless the change was kept as the latest of its key.
 *
 * @throws TidemarkError TOKEN_INVALID, TOKEN_TOO_NEW, TOKEN_FOREIGN, LOG_EPOCH_CHANGED, LOG_AHEAD, LOG_DIVERGED, LOG_GAP;
 * CompactedError. None of them is retryable.
 */
export async function startAfterToken(log: Log, token: string, limit: number): Promise<Start> {
  const { id, epoch, seq, check } = decodeToken(token)
  assertOwn(log, id)
  assertEpoch(log, epoch)
  const { last, page } = await inEpoch(log, epoch, () => readAround(log, seq, limit))
  if (last !== undefined && check !== NO_CHECK && check !== checkOf(last)) {
    throw new TidemarkError(
      'LOG_DIVERGED',
      `change ${seq} is not the one that the token was made after: the log was restored and written since; take a snapshot and follow from now`,
    )
  }
  return { id, epoch, seq, check, page }
}

/**
 * Reads from the log as long as it is in this epoch. Checked afterwards, whatever came of it: what another process has
 * restored is known from the read on that meets it.
 *
 * @throws TidemarkError LOG_EPOCH_CHANGED
 */
export async function inEpoch<T>(log: Log, epoch: number, read: () => Promise<T>): Promise<T> {
  try {
    const result = await read()
    assertEpoch(log, epoch)
    return result
  } catch (error) {
    assertEpoch(log, epoch)
    throw error
  }
}

/** @throws TidemarkError TOKEN_FOREIGN */
export function assertOwn({ identity }: Log, id: string): void {
  if (id === identity.id) return
  throw new TidemarkError('TOKEN_FOREIGN', `the token belongs to log ${id}, but this is log ${identity.id}`)
}

/** @throws TidemarkError LOG_EPOCH_CHANGED */
export function assertEpoch({ identity }: Log, epoch: number): void {
  if (epoch === identity.epoch) return
  throw new TidemarkError(
    'LOG_EPOCH_CHANGED',
    `the position is one of epoch ${epoch}, but the log is in epoch ${identity.epoch}: it was restored or rewritten; take a snapshot and follow from now`,
  )
}

/** Change `seq` itself, undefined when it is compacted away or before the first, and the page that follows it. */
async function readAround(
  log: Log,
  seq: number,
  limit: number,
): Promise<{ last: LogChange | undefined; page: LogPage }> {
  if (seq === 0) return { last: undefined, page: await readPage(log, { after: 0, limit }) }
  try {
    const { changes, head } = await readPage(log, { after: seq - 1, limit: limit + 1 })
    if (head < seq) throw ahead(seq)
    const [last, ...rest] = changes
    if (last?.seq !== seq)
      throw new TidemarkError('LOG_GAP', `the log does not hold change ${seq}, but its head is ${head}`)
    return { last, page: { changes: rest, head } }
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error
    // The log speaks of the position before the one that was asked for.
    if (error.code === 'LOG_AHEAD') throw ahead(seq)
    if (!(error instanceof CompactedError)) throw error
    if (error.floor > seq) throw new CompactedError(seq, error.floor, error.head)
    const page = await readPage(log, { after: seq, limit })
    // It may have been kept below the floor. After the page: what is there then was there when the page was read.
    const [last] = await log.at([seq])
    return { last, page }
  }
}

function ahead(seq: number): TidemarkError {
  return new TidemarkError(
    'LOG_AHEAD',
    `the log ends before change ${seq}: an older state of it was restored; take a snapshot and follow from now`,
  )
}
