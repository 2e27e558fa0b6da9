import { type Log, type LogChange, TidemarkError } from '@tidemark/core'

/** Changes per page of the log. */
const PAGE = 1_000
/** What was there is compacted away, or the log is another one. */
const UNREADABLE: readonly unknown[] = ['LOG_COMPACTED', 'LOG_AHEAD']

export interface WrittenSince {
  readonly ids: ReadonlySet<string>
  /** The head of the log that this was found out from. */
  readonly upTo: number
}

/**
 * Of which keys the log holds a change behind `head`.
 * @param isMeant which changes count
 * @returns undefined: it does not hold them any more
 */
export async function writtenSince(
  log: Pick<Log, 'read'>,
  head: number,
  isMeant: (change: LogChange) => boolean,
): Promise<WrittenSince | undefined> {
  const ids = new Set<string>()
  try {
    for (let upTo = head; ;) {
      const { changes } = await log.read({ after: upTo, limit: PAGE, values: false })
      if (changes.length === 0) return { ids, upTo }
      for (const change of changes) if (isMeant(change)) ids.add(change.key.id)
      upTo = changes.at(-1)!.seq
    }
  } catch (error) {
    if (error instanceof TidemarkError && UNREADABLE.includes(error.code)) return undefined
    throw error
  }
}
