import { type Back, CorruptError, type LogChange, readHead, type StoreKey, typeOf } from '@tidemark/core'
import type { CopiedEntry } from './source-snapshot.ts'
import type { Incoming, Intake } from './incoming.ts'
import type { PartCopies } from './part-copies.ts'
import type { ResolvedSyncOptions } from './sync-options.ts'

const NONE: ReadonlySet<LogChange> = new Set()

/** What of the source's entries and changes is for the target: not what has come from there, unless it has lost it. */
export class WantedChanges {
  readonly #intake: Intake
  readonly #to: Pick<Back, 'log'>
  readonly #isLastWriter: boolean
  readonly #parts: PartCopies

  constructor(
    intake: Intake,
    to: Pick<Back, 'log'>,
    parts: PartCopies,
    { conflict }: Pick<ResolvedSyncOptions, 'conflict'>,
  ) {
    this.#parts = parts
    this.#intake = intake
    this.#to = to
    this.#isLastWriter = conflict.policy === 'lastWriter'
  }

  async ofChanges(rows: readonly LogChange[]): Promise<readonly Incoming[]> {
    const { log } = this.#to
    const { id } = log.identity
    const returned = rows.filter(({ source }) => source?.log === id)
    const lost = this.#isLastWriter && returned.length > 0 ? await lostBy(log, returned) : NONE
    const wanted = rows.map((row, i): readonly Incoming[] => {
      // That a deletion was announced is nothing beside it.
      if (isAnnouncement(row, rows[i + 1])) return []
      // The target's own, which has come back.
      if (row.source?.log === id && !lost.has(row)) return this.#returned(row)
      // Each store lets its entries expire by itself: that somewhere else it has happened says nothing about a later one.
      if (row.op === 'expire' && this.#isLastWriter) return []
      return this.#wanted(this.#intake.ofChange(row))
    })
    return this.#withParts(rows, wanted, undefined)
  }

  /**
   * A deletion tells the target that made it nothing new, unless that was before it began to remember its deletions: something
   * earlier may have come in since, which everybody else has refused.
   */
  #returned(row: LogChange): readonly Incoming[] {
    if (row.op !== 'delete' || !this.#isLastWriter) return []
    return this.#wanted(this.#intake.ofChange(row)).map((item) => ({ ...item, isLocal: true }))
  }

  /** @param asOf of the page that they are on: what was appended to a log later comes with its change */
  ofEntries(entries: readonly CopiedEntry[], asOf: number): Promise<readonly Incoming[]> {
    const wanted = entries.map(({ entry, row, source }) => this.#wanted(this.#intake.ofEntry(entry, row, source)))
    return this.#withParts(
      entries.map(({ entry }) => entry),
      wanted,
      asOf,
    )
  }

  /** What was wanted last is stored. */
  async stored(): Promise<void> {
    await this.#parts.release()
  }

  /** Copies what logs and blobs are made of, before the heads that name them. */
  async #withParts(
    sources: readonly { readonly key: StoreKey }[],
    wanted: readonly (readonly Incoming[])[],
    asOf: number | undefined,
  ): Promise<readonly Incoming[]> {
    const all: Incoming[] = []
    for (const [i, items] of wanted.entries()) {
      for (const item of items) {
        const whole = await this.#withItsParts(sources[i]!.key, item, asOf)
        if (whole !== undefined) all.push(whole)
      }
    }
    return all
  }

  /** undefined: the source has deleted or replaced it meanwhile, which comes with a later change. */
  async #withItsParts(owner: StoreKey, item: Incoming, asOf: number | undefined): Promise<Incoming | undefined> {
    const { write, key, version } = item
    const type = write.op === 'set' ? typeOf(write) : 'value'
    if (write.op !== 'set' || type === 'value') return item
    const head = { ...write, version, writtenAt: 0 }
    if (type === 'log') {
      // One that began a moment ago comes with its elements, as changes.
      if (asOf !== undefined) await this.#parts.log(owner, key, readHead(head, 'log').id, asOf)
      return item
    }
    try {
      const payload = await this.#parts.blob(owner, key, readHead(head, 'blob'))
      return payload && { ...item, write: { ...write, payload } }
    } catch (error) {
      if (!(error instanceof CorruptError)) throw error
      this.#intake.leaveOut(owner, version, error)
      return undefined
    }
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
