import type { StoreEntry, Tidemark } from 'tidemark'

/** How the replica compares with what it follows. */
export interface CheckedReplica {
  /** Of the source. */
  readonly entries: number
  /** Keys that only one of them has, or with another value. */
  readonly differences: number
}

type Entries = Pick<Tidemark, 'entries'>

/** Walks through both in the order of keys. To be called when nothing is written any more. */
export async function checkReplica(source: Entries, replica: Entries): Promise<CheckedReplica> {
  let [entries, differences] = [0, 0]
  const copies = replica.entries()[Symbol.asyncIterator]()
  const missed = new Map<string, string>()
  const extra = new Map<string, string>()
  for await (const entry of source.entries()) {
    entries++
    const copy = (await copies.next()).value as StoreEntry | undefined
    // As long as both have the same keys, they go in step; afterwards each waits for its counterpart.
    settle(missed, extra, entry)
    if (copy !== undefined) settle(extra, missed, copy)
  }
  for (let next = await copies.next(); next.done !== true; next = await copies.next()) settle(extra, missed, next.value)
  for (const key of new Set([...missed.keys(), ...extra.keys()])) if (missed.get(key) !== extra.get(key)) differences++
  return { entries, differences }
}

/** Takes out what the other side has just so. */
function settle(mine: Map<string, string>, others: Map<string, string>, { key, value }: StoreEntry): void {
  const [name, content] = [JSON.stringify(key), JSON.stringify(value)]
  if (others.get(name) === content) others.delete(name)
  else mine.set(name, content)
}
