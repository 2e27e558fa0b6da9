import { notesOf, type StoreKey, tagKey, type Write } from '@tidemark/core'

/** What a write is about: its key, and the tags that it carries, as who invalidates one of them is about what carries it. */
export function concernedBy(write: Write): readonly StoreKey[] {
  if (write.op !== 'set' || write.meta === undefined) return [write.key]
  const { tags = [] } = notesOf({ key: write.key, meta: write.meta, version: 0 })
  return [write.key, ...tags.map(tagKey)]
}

/** The keys of these, and of the tags that they carry. */
export function idsOf(writes: readonly Write[]): readonly string[] {
  return writes.flatMap((write) => concernedBy(write).map(({ id }) => id))
}
