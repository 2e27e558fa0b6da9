import type { Back, LogChange } from '@tidemark/core'
import type { CopiedEntry } from './source-snapshot.ts'
import type { Incoming, Intake } from './incoming.ts'
import type { ResolvedSyncOptions } from './sync-options.ts'

const NONE: ReadonlySet<LogChange> = new Set()

/** What of the source's entries and changes is for the target: not what has come from there, unless it has lost it. */
export class WantedChanges {
  readonly #intake: Intake
  readonly #to: Pick<Back, 'log'>
  readonly #isLastWriter: boolean

  constructor(intake: Intake, to: Pick<Back, 'log'>, { conflict }: Pick<ResolvedSyncOptions, 'conflict'>) {
    this.#intake = intake
    this.#to = to
    this.#isLastWriter = conflict.policy === 'lastWriter'
  }

  async ofChanges(rows: readonly LogChange[]): Promise<readonly Incoming[]> {
    const { log } = this.#to
    const { id } = log.identity
    const returned = rows.filter(({ source }) => source?.log === id)
    const lost = this.#isLastWriter && returned.length > 0 ? await lostBy(log, returned) : NONE
    return rows.flatMap((row, i) => {
      // That a deletion was announced is nothing beside it.
      if (isAnnouncement(row, rows[i + 1])) return []
      // The target's own, which has come back.
      if (row.source?.log === id && !lost.has(row)) return []
      // Each store lets its entries expire by itself: that somewhere else it has happened says nothing about a later one.
      if (row.op === 'expire' && this.#isLastWriter) return []
      return this.#wanted(this.#intake.ofChange(row))
    })
  }

  ofEntries(entries: readonly CopiedEntry[]): readonly Incoming[] {
    return entries.flatMap(({ entry, row, source }) => this.#wanted(this.#intake.ofEntry(entry, row, source)))
  }

  ofTombstone(...tombstone: Parameters<Intake['ofTombstone']>): readonly Incoming[] {
    return this.#wanted(this.#intake.ofTombstone(...tombstone))
  }

  #wanted(item: Incoming | undefined): readonly Incoming[] {
    if (item === undefined) return []
    // By its stamp, an entry that has come back is one that is known, or one that the target has lost.
    return item.source.log === this.#to.log.identity.id && !this.#isLastWriter ? [] : [item]
  }
}

/** Those of a store's own changes, as another one has them, that it does not have any more: an older state was restored. */
async function lostBy(log: Back['log'], returned: readonly LogChange[]): Promise<ReadonlySet<LogChange>> {
  const floor = await log.floor()
  const recent = returned.filter(({ source }) => source!.seq > floor)
  const held = await log.at(recent.map(({ source }) => source!.seq))
  return new Set(recent.filter(({ source }, i) => held[i]?.at !== source!.at))
}

function isAnnouncement({ op, key, first, source }: LogChange, next: LogChange | undefined): boolean {
  if (op !== 'set' || source === undefined || next?.op !== 'delete') return false
  return (
    next.first === first && next.key.id === key.id && next.source?.seq === source.seq && next.source.log === source.log
  )
}
