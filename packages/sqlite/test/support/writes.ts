import {
  type Back,
  type Commit,
  createCborCodec,
  type Key,
  Payload,
  type Proposal,
  StoreKey,
  type Write,
} from '@tidemark/core'

const codec = createCborCodec()

export function payload(value: unknown): Payload {
  return Payload.encode(codec, value)
}

export function setOf(key: Key, value: unknown, expiresAt?: number): Write {
  return { op: 'set', key: StoreKey.of(key), payload: payload(value), expiresAt, meta: undefined, path: undefined }
}

export function deleteOf(key: Key): Write {
  return { op: 'delete', key: StoreKey.of(key) }
}

/** A proposal that reads nothing. */
export function blind(...writes: Write[]): Proposal {
  return { reads: [], decide: () => writes }
}

export function set(back: Back, key: Key, value: unknown, expiresAt?: number): Promise<Commit> {
  return back.commit(blind(setOf(key, value, expiresAt)))
}

export function remove(back: Back, key: Key): Promise<Commit> {
  return back.commit(blind(deleteOf(key)))
}

/** Adds one to the number that is stored at the key. */
export function increment(key: Key): Proposal {
  return {
    reads: [StoreKey.of(key)],
    decide: ([entry]) => [setOf(key, ((entry?.payload.read() as number | undefined) ?? 0) + 1)],
  }
}

export async function valueOf(back: Back, key: Key): Promise<unknown> {
  return (await back.readOne(StoreKey.of(key))).entry?.payload.read()
}
