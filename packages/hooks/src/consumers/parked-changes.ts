import { assertKnown, type Codec, type Mark, type Marks, subjectOf, userKey, wholeAtLeast } from '@tidemark/core'
import { toChanges } from '../logged-change.ts'
import type { ParkedChange, ParkedSelection } from './consumer.ts'
import { parkedKey, parkedOf } from './consumer-keys.ts'
import { laneOf } from './lane-hash.ts'
import { decodeParked, type Parked, PARKED_PER_PAGE } from './parked-mark.ts'
import { type ConsumerBack, registrationOf } from './registration.ts'
import { scanMarks } from './scan-marks.ts'

/**
 * The parked changes of a consumer, whether or not any process runs it: lane by lane, each in the order of the log.
 * Pull-based: the next page of 50 is read when the last one was taken. What is parked, replayed or dropped meanwhile may
 * be met or not.
 * @throws TidemarkError CONSUMER_DROPPED when none is registered under the name; TypeError, RangeError for a wrong selection
 */
export async function* parkedChanges<T = unknown>(
  back: ConsumerBack,
  name: string,
  selection: ParkedSelection = {},
): AsyncGenerator<ParkedChange<T>, undefined> {
  const { lanes } = await registrationOf(back, name)
  for await (const parked of selectParked({ back, name, lanes }, selection)) yield toParkedChange(parked)
}

export interface ParkedSource {
  readonly back: { readonly marks: Marks; readonly codec: Codec }
  readonly name: string
  /** How many the consumer has. */
  readonly lanes: number
}

export async function* selectParked(
  source: ParkedSource,
  selection: ParkedSelection,
): AsyncGenerator<Parked, undefined> {
  assertKnown(selection, ['key', 'seq'], 'the selection')
  const { back, name, lanes } = source
  const { seq } = selection
  if (seq !== undefined) wholeAtLeast('seq', seq, 1)
  const key = selection.key === undefined ? undefined : userKey(selection.key)
  const lane = key && laneOf(key, lanes)
  const marks = seq === undefined ? scanMarks(back.marks, parkedOf(name, lane), PARKED_PER_PAGE) : marksAt(source, seq)
  for await (const mark of marks) {
    const parked = decodeParked(back.codec, mark)
    if (key === undefined || subjectOf(parked.row.key).id === key.id) yield parked
  }
}

/** In whichever lane it is. */
async function* marksAt({ back, name, lanes }: ParkedSource, seq: number): AsyncGenerator<Mark, undefined> {
  const keys = Array.from({ length: lanes }, (_, lane) => parkedKey(name, lane, seq))
  const values = await back.marks.read(keys)
  for (const [i, value] of values.entries()) if (value !== undefined) yield { key: keys[i]!, value }
}

export function toParkedChange<T>({ lane, row, parking }: Parked): ParkedChange<T> {
  const { attempts, error, behind, parkedAt } = parking
  return { change: toChanges<T>([row])[0]!, lane, attempts, error, behind, parkedAt: new Date(parkedAt) }
}
