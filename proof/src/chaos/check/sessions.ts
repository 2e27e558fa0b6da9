import type { Micros } from '../clock.ts'
import type { History, ReadEvent, WriteEvent } from '../history/events.ts'
import { placeRead } from './place-read.ts'
import type { KeyTruth, Truth } from './truth.ts'

/** A read with the state of its key that it saw. */
export interface PlacedRead {
  readonly read: ReadEvent
  readonly truth: KeyTruth
  readonly place: number
  /** The newest place that its process had written or read before it was invoked, and what showed it that. */
  readonly floor: number
  readonly shownBy: ReadEvent | WriteEvent | undefined
}

interface Step {
  readonly event: ReadEvent | WriteEvent
  readonly invoke: Micros
  readonly return: Micros
  /** The place in its key that its process knows of when it has returned. */
  shown: number | undefined
}

/** Places every read, session by session. Reads of what is not in the log are left out: they have no place. */
export function* placeReads(
  history: History,
  truth: Truth,
  allowedStaleness: (read: ReadEvent) => Micros,
): Generator<PlacedRead> {
  for (const steps of bySession(history)) {
    const floors = new Map<string, { place: number; shownBy: ReadEvent | WriteEvent }>()
    const returning = steps.toSorted((a, b) => a.return - b.return)
    let returned = 0
    for (const step of steps) {
      for (; returning[returned]!.return < step.invoke; returned++) raise(floors, returning[returned]!)
      const { event } = step
      const key = truth.of(event.key)
      const floor = floors.get(event.key)
      if (event.kind === 'write') {
        step.shown = placeOfWrite(event, key)
        continue
      }
      const placing = placeRead(event, key, floor?.place ?? 0, allowedStaleness(event))
      step.shown = placing?.shown
      if (placing === undefined) continue
      yield { read: event, truth: key, place: placing.place, floor: floor?.place ?? 0, shownBy: floor?.shownBy }
    }
  }
}

function raise(floors: Map<string, { place: number; shownBy: ReadEvent | WriteEvent }>, { event, shown }: Step): void {
  const floor = floors.get(event.key)
  if (shown !== undefined && shown > (floor?.place ?? 0)) floors.set(event.key, { place: shown, shownBy: event })
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
  if (op !== 'delete') return truth.placeOf(id)
  const place = truth.states.findLastIndex(({ seq }) => seq <= ack.version)
  return truth.states[place]!.id === undefined ? place : undefined
}
