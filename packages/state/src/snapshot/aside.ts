import { type Key, type Mark, Payload, type SetWrite, type StoreKey } from '@tidemark/core'
import { durably } from '../durably.ts'
import { type PutAsideOptions, timeOfDropping } from '../journal/dropped.ts'
import { droppedSnapshotKey, partsOf, snapshotKey, uncleanKey } from '../journal/journal-keys.ts'

/** Parts that are moved per commit. */
const PAGE = 16

/**
 * Moves a snapshot out of the way of what is written from now on: its number will be that of another transaction, and whoever can
 * read it must not take it for the state after that. What stood there, as bytes, can still be looked into. Its parts are copied
 * before its head goes; they are removed with what else has none.
 * @param last the number of the last transaction that stays
 * @returns where its head is
 */
export async function putSnapshotAside(options: PutAsideOptions, number: number, last: number): Promise<Key> {
  const { back, name, writer, head } = options
  const at = await timeOfDropping(options)
  const asBytes = (key: StoreKey, { value }: Mark): SetWrite => {
    const payload = Payload.encode(back.codec, value.bytes)
    return { op: 'set', key, payload, expiresAt: undefined, meta: undefined, path: undefined }
  }
  let after: StoreKey | undefined
  for (;;) {
    const page = await back.marks.scan(partsOf(name, number), { after, limit: PAGE })
    const copies = page.map((mark) =>
      asBytes(droppedSnapshotKey(name, at, number, mark.key.tuple.at(-1) as number), mark),
    )
    const decide = (): readonly SetWrite[] => copies
    await writer.use((lease) => back.commit({ reads: [], lease, keepLease: true, decide }, durably(back)))
    if (page.length < PAGE) break
    after = page.at(-1)!.key
  }
  const key = snapshotKey(name, number)
  const [value] = await back.marks.read([key])
  const to = droppedSnapshotKey(name, at, number)
  const moved = value === undefined ? [] : [asBytes(to, { key, value })]
  const marks = [
    { key, value: undefined },
    { key: uncleanKey(name), value: Payload.encode(back.codec, true) },
    head.write(last),
  ]
  const decide = (): readonly SetWrite[] => moved
  await writer.use((lease) => back.commit({ reads: [], lease, keepLease: true, decide, marks }, durably(back)))
  head.written()
  return to.tuple
}
