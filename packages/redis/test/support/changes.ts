import { type Codec, createCborCodec, type Fill, type Found, type LogChange, Payload, StoreKey } from '@tidemark/core'

export const codec: Codec = createCborCodec()

export function key(...parts: (string | number)[]): StoreKey {
  return StoreKey.of(parts)
}

/** The commit of one change. A `value` of undefined deletes. */
export function change(seq: number, of: StoreKey, value: unknown, more: Partial<LogChange> = {}): LogChange {
  return {
    seq,
    first: seq,
    last: seq,
    op: value === undefined ? 'delete' : 'set',
    key: of,
    path: undefined,
    prevVersion: 0,
    payload: value === undefined ? undefined : Payload.encode(codec, value),
    expiresAt: undefined,
    meta: undefined,
    at: Date.now(),
    origin: 'test',
    ...more,
  }
}

/** What a reader of the back tier found: a value of `version`, in a snapshot whose head was `asOf`. */
export function fillOf(of: StoreKey, value: unknown, version: number, asOf: number, more: Partial<Found> = {}): Fill {
  const entry = {
    key: of,
    version,
    payload: Payload.encode(codec, value),
    writtenAt: Date.now(),
    expiresAt: undefined,
    meta: undefined,
  }
  return { key: of, asOf, found: { entry, asOf, until: Infinity, tier: 'back', ...more } }
}

/** What a reader found who missed the key in a snapshot whose head was `asOf`. */
export function missOf(of: StoreKey, asOf: number): Fill {
  return { key: of, asOf, found: { entry: undefined, asOf, until: Infinity, tier: 'back' } }
}
