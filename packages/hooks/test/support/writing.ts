import { type Back, type Commit, createCborCodec, type Key, Payload, StoreKey, type Write } from '@tidemark/core'

export const codec = createCborCodec()

interface Extras {
  readonly expiresAt?: number
  readonly meta?: unknown
  readonly path?: readonly (string | number)[]
}

export function setting(key: Key, value: unknown, { expiresAt, meta, path }: Extras = {}): Write {
  return {
    op: 'set',
    key: StoreKey.of(key),
    payload: Payload.encode(codec, value),
    expiresAt,
    meta: meta === undefined ? undefined : Payload.encode(codec, meta),
    path,
  }
}

export function deleting(key: Key): Write {
  return { op: 'delete', key: StoreKey.of(key) }
}

/** Commits these writes as one. */
export function commit(back: Pick<Back, 'commit'>, ...writes: Write[]): Promise<Commit> {
  return back.commit({ reads: [], decide: () => writes })
}

/** Commits `['n', 1]` … `['n', count]`, one after the other. */
export async function commitNumbers(back: Pick<Back, 'commit'>, count: number, from = 1): Promise<void> {
  for (let n = from; n < from + count; n++) await commit(back, setting(['n', n], n))
}
