import type { Micros } from '../clock.ts'
import type { History, ReadEvent, WriteEvent } from '../history/events.ts'
import { nameOfTag } from '../keys.ts'
import type { KeyTruth } from './key-truth.ts'
import { GONE, placeRead } from './place-read.ts'
import type { Truth } from './truth.ts'

/** A read with the state of its key that it saw. */
export interface PlacedRead {
  readonly read: ReadEvent
  readonly truth: KeyTruth
  readonly place: number
  readonly isAbsent: boolean
  /** The newest place that its process had written or read before it was invoked, or half of one more, and what showed it that. */
  readonly floor: number
  readonly shownBy: ReadEvent | WriteEvent | undefined
}

interface Floor {
  readonly place: number
  readonly shownBy: ReadEvent | WriteEvent
}

interface Step {
  readonly event: ReadEvent | WriteEvent
  readonly invoke: Micros
  readonly return: Micros
  /** The place in its key that its process knows of when it has returned; of an invalidation, the one in the log. */
  shown: number | undefined
}

/** Places every read, session by session. Reads of what is not in the log are left out: they have no place. */
export function* placeReads(
  history: History,
  truth: Truth,
  allowedStaleness: (read: ReadEvent) => Micros,
): Generator<PlacedRead> {
  for (const steps of bySession(history)) {
    const floors = new Map<string, Floor>()
    const returning = steps.toSorted((a, b) => a.return - b.return)
    let returned = 0
    for (const step of steps) {
      for (; returning[returned]!.return < step.invoke; returned++) raise(floors, returning[returned]!)
      const { event } = step
      const key = truth.of(event.key)
      if (event.kind === 'write') {
        step.shown = placeOfWrite(event, key)
        continue
      }
      const floor = newest(floors.get(event.key), invalidated(event, key, floors))
      const placing = placeRead(event, key, floor?.place ?? 0, allowedStaleness(event))
      step.shown = placing?.shown
      if (placing === undefined) continue
      const { place, isAbsent } = placing
      yield { read: event, truth: key, place, isAbsent, floor: floor?.place ?? 0, shownBy: floor?.shownBy }
    }
  }
}

function raise(floors: Map<string, Floor>, { event, shown }: Step): void {
  const floor = newest(floors.get(event.key), shown === undefined ? undefined : { place: shown, shownBy: event })
  if (floor !== undefined) floors.set(event.key, floor)
}

function newest(one: Floor | undefined, other: Floor | undefined): Floor | undefined {
  return (other?.place ?? 0) > (one?.place ?? 0) ? other : one
}

/** What the process itself has invalidated is gone for it. Which values that were it knows when it sees one. */
function invalidated({ id }: ReadEvent, truth: KeyTruth, floors: ReadonlyMap<string, Floor>): Floor | undefined {
  const place = id === undefined ? undefined : truth.placeOf(id)
  if (place === undefined) return undefined
  const { seq, tags } = truth.states[place]!
  const by = tags.map((tag) => floors.get(nameOfTag(tag))).find((floor) => floor !== undefined && floor.place > seq)
  return by && { place: place + GONE, shownBy: by.shownBy }
}

/** Each in the order of invocation. Open writes are left out: a process that never got an answer was shown nothing. */
function bySession({ reads, writes }: History): Iterable<Step[]> {
  const sessions = new Map<string, Step[]>()
  const add = (event: ReadEvent | WriteEvent, returned: Micros): void => {
    const step = { event, invoke: event.invoke, return: returned, shown: undefined }
    const steps = sessions.get(event.session)
    if (steps === undefined) sessions.set(event.session, [step])
    else steps.push(step)
  }
  for (const read of reads) add(read, read.return)
  for (const write of writes) if (write.ack !== undefined) add(write, write.ack.return)
  for (const steps of sessions.values()) steps.sort((a, b) => a.invoke - b.invoke)
  return sessions.values()
}

/** A delete that found nothing shows what a read shows, at the head of the log that it was decided at. */
function placeOfWrite({ op, id, ack }: WriteEvent, truth: KeyTruth): number | undefined {
  if (ack === undefined) return undefined
  if (op === 'invalidate') return ack.version
  if (op !== 'delete') return truth.placeOf(id)
  const place = truth.states.findLastIndex(({ seq }) => seq <= ack.version)
  return truth.states[place]!.id === undefined ? place : undefined
}
