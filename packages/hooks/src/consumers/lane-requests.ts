import type { Mark, MarkWrite } from '@tidemark/core'
import { toChanges } from '../logged-change.ts'
import { runAttempt } from './attempt.ts'
import { parkedKey, partsOf, requestsOf } from './consumer-keys.ts'
import type { ConsumerParts } from './consumer-parts.ts'
import type { LaneMark } from './lane-mark.ts'
import type { LaneWork } from './lane-work.ts'
import { decodeParked, parkedWrite, type Parked } from './parked-mark.ts'
import { decodeRecord, encodeRecord } from './record.ts'
import { type ResumeFrom, resumePlace } from './resume-place.ts'
import { scanMarks } from './scan-marks.ts'
import { textOf } from './text-of.ts'

/**
 * What anybody may ask of the owner of a lane, who alone writes what is stored of it. Removed when it was answered.
 * Of a parked change, it stands at its seq; a resume at 0.
 */
export type LaneRequest =
  | { readonly kind: 'resume'; readonly halt: string; readonly from: ResumeFrom }
  | { readonly kind: 'drop' }
  /** `fence`: of the owner that is at it. */
  | { readonly kind: 'replay'; readonly fence?: number | undefined }

/** Answers what was asked of a lane, in the order of the changes. */
export async function answerRequests(parts: ConsumerParts, lane: number, work: LaneWork): Promise<void> {
  const { back, name } = parts
  for await (const mark of scanMarks(back.marks, requestsOf(name, lane))) {
    if (work.options.wait.isEnding) return
    const request = decodeRecord<LaneRequest>(mark.key, mark.value)
    if (request.kind === 'resume') await resume(parts, work, mark, request)
    else await answerForParked(parts, work, mark, request)
  }
}

async function resume(
  parts: ConsumerParts,
  work: LaneWork,
  { key }: Mark,
  request: Extract<LaneRequest, { kind: 'resume' }>,
): Promise<void> {
  const { state, lane } = work.options
  const answered = { key, value: undefined }
  // It was resumed meanwhile, and may stand still for another reason.
  if (state.mark.halt?.id !== request.halt) return state.store(state.mark, answered)
  const place = await resumePlace(parts, state.mark, request.from)
  const news = { halt: undefined, trying: undefined, ...(request.from !== 'mark' && notBeforeOf(request.from)) }
  await state.store(state.next(news, place), answered)
  work.forgive()
  parts.emit({ kind: 'lane-resumed', lane })
}

/** A time may be still to come, and its place the head of the log. */
function notBeforeOf(from: 'start' | 'now' | number): Pick<LaneMark, 'notBefore'> {
  return { notBefore: typeof from === 'number' ? from : undefined }
}

async function answerForParked(
  parts: ConsumerParts,
  work: LaneWork,
  { key }: Mark,
  request: Exclude<LaneRequest, { kind: 'resume' }>,
): Promise<void> {
  const { back, name } = parts
  const { state, lane, lease, parked: keys, interrupt, onProcessed } = work.options
  const answered: MarkWrite = { key, value: undefined }
  const markKey = parkedKey(name, lane, partsOf(key)[2] as number)
  const [value] = await back.marks.read([markKey])
  if (value === undefined) return state.store(state.next({}), answered)
  const parked = decodeParked(back.codec, { key: markKey, value })
  const { row } = parked
  const without = state.next({ parked: keys.count - 1 })
  const removal = { key: markKey, value: undefined }
  if (request.kind === 'drop') {
    await state.store(without, answered, removal)
    return keys.delete(row)
  }
  // An owner that ended during a replay has left it as failed: it may be what ended it.
  const isLeft = request.fence !== undefined
  if (isLeft || !keys.isFirst(row)) return state.store(state.next({}), answered)
  const begun = withAttempt(parked)
  await state.store(
    state.next({}),
    { key, value: encodeRecord(back.codec, { kind: 'replay', fence: lease.token }) },
    parkedWrite(back.codec, name, begun),
  )
  const { epoch, attempts } = begun.parking
  const mark = state.next({ parked: keys.count - 1 })
  const marks = [state.write(mark), answered, removal]
  const outcome = await runAttempt(parts, { lane, lease, epoch, attempt: attempts, rows: [row], marks, interrupt })
  if (outcome.kind === 'done') {
    state.stored(mark)
    keys.delete(row)
    onProcessed(1)
  } else if (outcome.kind === 'failed') {
    const { error } = outcome
    parts.emit({ kind: 'attempt-failed', lane, changes: toChanges([row]), attempt: attempts, error })
    const failed = { ...begun, parking: { ...begun.parking, error: textOf(error) } }
    await state.store(state.next({}), answered, parkedWrite(back.codec, name, failed))
  }
}

function withAttempt(parked: Parked): Parked {
  return { ...parked, parking: { ...parked.parking, attempts: parked.parking.attempts + 1 } }
}
