import type { Codec, LogChange } from '@tidemark/core'
import type { Keyspace } from '../keyspace.ts'
import type { Link } from '../link.ts'
import { STREAM_FIELDS, STREAM_READ } from '../scripts/stream.ts'
import { changesOf, type StreamEntry } from './stream-entry.ts'
import { readState, type StreamState } from './stream-state.ts'

/** What one look at the stream has shown. */
export interface StreamPage {
  readonly state: StreamState
  /** Up to here the stream holds nothing any more, or never did. */
  readonly floor: number
  /** What follows the position that was asked for, as long as it is dense: whole commits. */
  readonly changes: readonly LogChange[]
  /** How long ago a relay has last seen that everything in the log is there. */
  readonly unconfirmedMs: number
  /** Where something is missing in the stream behind `changes`; undefined: nothing is. */
  readonly gap: { readonly after: number; readonly next: number } | undefined
}

/** Runs per look: each holds up to a hundred changes, one while the relay keeps up. */
const RUNS = 32
const MOST_RUNS = 1_024

/** @returns undefined: there is no stream, or one that has lost its end, which a relay fills again */
export async function readStream(
  link: Link,
  names: Keyspace,
  codec: Codec | readonly Codec[],
  after: number,
  limit: number,
): Promise<StreamPage | undefined> {
  let changes: LogChange[] = []
  let generation: string | undefined
  for (let count = Math.min(limit, RUNS); ; count = Math.min(count * 2, MOST_RUNS)) {
    const position = after + changes.length
    const reply = (await link.run(STREAM_READ, [names.stream, names.streamMeta], [position, count])) as (
      | Buffer
      | readonly StreamEntry[]
      | null
    )[]
    const state = readState(reply.slice(0, STREAM_FIELDS.length) as (Buffer | null)[])
    if (state === undefined || hasLost(state, reply[9] as Buffer | null)) return undefined
    if (generation !== undefined && generation !== state.generation) changes = []
    const isMixed = generation !== undefined && generation !== state.generation
    generation = state.generation
    if (isMixed) continue
    const oldest = reply[7]
    const floor = oldest === null || oldest === undefined ? state.last : Number(oldest)
    const unconfirmedMs = Math.max(0, Number(reply[10]) - state.completeAt)
    const entries = (reply[8] ?? []) as readonly StreamEntry[]
    for (const entry of entries) {
      const run = changesOf(entry, codec)
      // A position may lie inside of a run.
      const rest = run.filter(({ seq }) => seq > after + changes.length)
      if (rest[0] !== undefined && rest[0].seq !== after + changes.length + 1) {
        return {
          state,
          floor,
          unconfirmedMs,
          changes: wholeCommits(changes),
          gap: { after: after + changes.length, next: rest[0].seq },
        }
      }
      for (const change of rest) changes.push(change)
      const last = changes.at(-1)
      if (changes.length >= limit && last?.seq === last?.last)
        return { state, floor, changes, unconfirmedMs, gap: undefined }
    }
    const isAll = entries.length < count
    const last = changes.at(-1)
    // The rest of a commit may be on its way: runs are appended one by one.
    if (isAll || (changes.length >= limit && last?.seq === last?.last))
      return { state, floor, changes: wholeCommits(changes), unconfirmedMs, gap: undefined }
  }
}

function wholeCommits(changes: readonly LogChange[]): readonly LogChange[] {
  const end = changes.findLastIndex(({ seq, last }) => seq === last)
  return end === changes.length - 1 ? changes : changes.slice(0, end + 1)
}

/** The hash says how far the stream reaches. Without its end it looks like one that was compacted, or never written to. */
function hasLost({ base, last }: StreamState, newest: Buffer | null): boolean {
  return last > base && newest?.toString() !== `${last}-0`
}
