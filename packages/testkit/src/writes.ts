import {
  type Back,
  type Codec,
  type Commit,
  createCborCodec,
  type Fill,
  type Found,
  type Key,
  type LogChange,
  type Path,
  Payload,
  StoreKey,
  type Write,
} from '@tidemark/core'

export const codec: Codec = createCborCodec()

export interface WriteExtras {
  readonly expiresAt?: number
  readonly meta?: unknown
  readonly path?: Path
}

/** The write of one value. */
export function setting(key: Key, value: unknown, { expiresAt, meta, path }: WriteExtras = {}): Write {
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
export function commit(back: Pick<Back, 'commit'>, ...writes: readonly Write[]): Promise<Commit> {
  return back.commit({ reads: [], decide: () => writes })
}

/** What the tier holds under the key now, decoded. */
export async function valueOf(back: Pick<Back, 'readOne'>, key: Key): Promise<unknown> {
  return (await back.readOne(StoreKey.of(key))).entry?.payload.decode()
}

/** The change of a commit of its own. A `value` of undefined deletes. */
export function change(seq: number, key: Key, value: unknown, more: Partial<LogChange> = {}): LogChange {
  return Object.freeze({
    seq,
    first: seq,
    last: seq,
    op: value === undefined ? 'delete' : 'set',
    key: StoreKey.of(key),
    path: undefined,
    prevVersion: 0,
    payload: value === undefined ? undefined : Payload.encode(codec, value),
    expiresAt: undefined,
    meta: undefined,
    at: 1_700_000_000_000 + seq,
    origin: 'test',
    ...more,
  })
}

/** What a reader found in a snapshot whose head was `asOf`: the value that `version` wrote. */
export function filling(key: Key, value: unknown, version: number, asOf: number, more: Partial<Found> = {}): Fill {
  const entry = {
    key: StoreKey.of(key),
    version,
    payload: Payload.encode(codec, value),
    writtenAt: 1_700_000_000_000 + version,
    expiresAt: undefined,
    meta: undefined,
  }
  return { key: entry.key, asOf, found: { entry, asOf, until: Infinity, tier: 'back', ...more } }
}

/** What a reader found who missed the key in a snapshot whose head was `asOf`. */
export function missing(key: Key, asOf: number, more: Partial<Found> = {}): Fill {
  return { key: StoreKey.of(key), asOf, found: { entry: undefined, asOf, until: Infinity, tier: 'back', ...more } }
}
