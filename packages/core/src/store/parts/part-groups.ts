import { type KeyRange, prefixRange } from '../../keys/key-range.ts'
import { type Key, toTuple } from '../../keys/key.ts'
import { reservedKey } from '../../keys/reserved.ts'
import type { StoreKey } from '../../keys/store-key.ts'
import { Uuid } from '../../keys/uuid.ts'
import type { Back } from '../../ports/back.ts'
import { hasRoomForParts, type PartKind, type PartOf, partOf, partsKey } from './part-key.ts'

const FIRST_ID = Uuid.from(new Uint8Array(16))
const LAST_ID = Uuid.from(new Uint8Array(16).fill(0xff))

/**
 * Every log or blob under a prefix of keys that has parts, whether or not it still stands. One look at each, however many
 * parts it has.
 */
export function allGroups(
  back: Pick<Back, 'scanKeys'>,
  kind: PartKind,
  prefix: Key | readonly [],
): AsyncGenerator<PartOf, void> {
  return groupsIn(back, prefixRange(reservedKey(kind, ...toTuple(prefix as Key)).tuple))
}

/** As {@link allGroups}, of what stands, or stood, at one key. */
export async function* groupsAt(
  back: Pick<Back, 'scanKeys'>,
  kind: PartKind,
  owner: StoreKey,
): AsyncGenerator<PartOf, void> {
  if (!hasRoomForParts(owner)) return
  // Between the two there are also those of keys that begin as this one and go on with an id.
  const start = partsKey(kind, owner, FIRST_ID).bytes
  const { end } = prefixRange(partsKey(kind, owner, LAST_ID).tuple)
  for await (const group of groupsIn(back, { start, end })) if (group.owner.id === owner.id) yield group
}

async function* groupsIn(back: Pick<Back, 'scanKeys'>, range: KeyRange): AsyncGenerator<PartOf, void> {
  let { start } = range
  for (;;) {
    const { keys } = await back.scanKeys({ start, end: range.end }, { after: undefined, limit: 1, reverse: false })
    const part = keys[0] && partOf(keys[0].key)
    if (part === undefined) return
    yield part
    // Its parts are all under one prefix: what follows it is the next one.
    start = prefixRange(partsKey(part.kind, part.owner, part.id).tuple).end!
  }
}
