import type { Codec, Marks, MarkWrite, Payload } from '@tidemark/core'
import type { Position } from '../token.ts'
import { laneKey } from './consumer-keys.ts'
import { decodeRecord, encodeRecord } from './record.ts'

/** Where a lane is in the log: every change up to it was dealt with, none after it. */
export type LanePosition = Omit<Position, 'id'>

/** Why a lane stands still. */
export interface Halt {
  /** Names this halt: a resume means the one that its caller has seen. */
  readonly id: string
  /** The change that failed; undefined: the lane's place in the log is gone. */
  readonly seq: number | undefined
  readonly code: string | undefined
  readonly message: string
  readonly at: number
}

/** How often a change was tried. */
export interface Trying {
  readonly seq: number
  /** Those that have begun. */
  readonly attempts: number
  /** What the last one that ended failed with. */
  readonly error?: string | undefined
}

/** What is stored of a lane. Written by the holder of its lease, and by nobody else. */
export interface LaneMark extends LanePosition {
  /** How many changes its owner may have in hand; 0: it has none, since the last owner has left in good order. */
  readonly open: number
  /** undefined: of what follows, nothing was tried one by one. */
  readonly trying?: Trying | undefined
  readonly halt?: Halt | undefined
  /** What was committed before this wall-clock time is not wanted. Commit times never decrease: none is, once one is. */
  readonly notBefore?: number | undefined
  /** How many of its changes are parked. */
  readonly parked: number
  /** The origin of the store whose process has it, or had it when it ended. */
  readonly owner?: string | undefined
}

/** Up to where everything is dealt with, or not wanted: its place, or right before the change that it is known to be at. */
export function doneTo({ seq, halt, trying }: Pick<LaneMark, 'seq' | 'halt' | 'trying'>): number {
  return Math.max(seq, (halt?.seq ?? 0) - 1, (trying?.seq ?? 0) - 1)
}

export function laneMarkWrite(codec: Codec, name: string, lane: number, mark: LaneMark): MarkWrite {
  return { key: laneKey(name, lane), value: encodeRecord(codec, mark) }
}

export function decodeLaneMark(name: string, lane: number, payload: Payload): LaneMark {
  return decodeRecord<LaneMark>(laneKey(name, lane), payload)
}

/** The marks of these lanes; undefined: none was written yet, it is where the consumer began. */
export async function readLaneMarks(
  marks: Marks,
  name: string,
  lanes: readonly number[],
): Promise<readonly (LaneMark | undefined)[]> {
  const payloads = await marks.read(lanes.map((lane) => laneKey(name, lane)))
  return payloads.map((payload, i) => payload && decodeLaneMark(name, lanes[i]!, payload))
}
