import {
  ALL_KEYS,
  type Back,
  type Commit,
  type Key,
  type MarkWrite,
  Payload,
  type Proposal,
  StoreKey,
} from '@tidemark/core'
import { codec } from '../../writes.ts'

/** The write of one mark; a value of undefined removes it. */
export function marking(key: Key, value: unknown): MarkWrite {
  return { key: StoreKey.of(key), value: value === undefined ? undefined : Payload.encode(codec, value) }
}

/** What the marks are, decoded; undefined where there is none. */
export async function marksAt(back: Back, ...keys: readonly Key[]): Promise<unknown[]> {
  const found = await back.marks.read(keys.map((key) => StoreKey.of(key)))
  return found.map((value) => value?.decode())
}

/** Every mark, in key order. */
export async function allMarks(back: Back): Promise<unknown[]> {
  const marks = await back.marks.scan(ALL_KEYS, { after: undefined, limit: 1_000 })
  return marks.map(({ key, value }) => [key.id, value.decode()])
}

/** Commits a proposal that reads nothing, and writes nothing unless it is told to. */
export function proposing(back: Back, proposal: Partial<Proposal>): Promise<Commit> {
  return back.commit({ reads: [], decide: () => [], ...proposal })
}
