import { ALL_KEYS, type Back, type StoreKey, userRanges } from '@tidemark/core'

/** Everything that a store holds for its users, as they would read it, by the id of the key. */
export async function contentOf(back: Back): Promise<Map<string, unknown>> {
  const content = new Map<string, unknown>()
  for (const part of userRanges(ALL_KEYS)) {
    let after: StoreKey | undefined
    for (;;) {
      const { entries, isLast } = await back.scan(part, { after, limit: 1_000, reverse: false })
      for (const { key, payload, expiresAt, meta } of entries) {
        content.set(key.id, { value: payload.decode(), expiresAt, meta: meta?.decode() })
      }
      if (isLast) break
      after = entries.at(-1)!.key
    }
  }
  return content
}
