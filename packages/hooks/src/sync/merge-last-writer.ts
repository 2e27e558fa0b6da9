import {
  type Back,
  type DeleteWrite,
  type Entry,
  type LogChange,
  type MarkWrite,
  metaOf,
  Payload,
  type SetWrite,
  type StoreKey,
  type Write,
} from '@tidemark/core'
import type { Incoming, SyncSource } from './incoming.ts'
import { keysOf, type Merge, type MergePlan, Overtaken, type Stale } from './merge-plan.ts'
import { removalPlan } from './removal-plan.ts'
import { compareStamps, type Stamp } from './stamp.ts'
import { readStampMarks, type StampMark, stampMarkWrites } from './stamp-marks.ts'
import { sideOf, type SyncConflict } from './sync-conflict.ts'

type Target = Pick<Back, 'log' | 'read' | 'marks' | 'codec'>

/** A state of a key, and the change that made it. */
interface Held {
  /** undefined: nothing is known of the key. */
  readonly stamp: Stamp | undefined
  /** As it stands in the target; undefined: absent, or written by this plan. */
  readonly entry: Entry | undefined
  /** This plan has written it. */
  readonly isOurs: boolean
  /** The target would delete something. */
  readonly isPresent: boolean
  readonly via: string
}

/** Among stores that all write: of two states of a key, the one that was written later stays. */
export class LastWriterMerge implements Merge {
  readonly #from: SyncSource
  readonly #to: Target
  readonly #name: string

  constructor(from: SyncSource, to: Target, name: string) {
    this.#from = from
    this.#to = to
    this.#name = name
  }

  async plan(items: readonly Incoming[], sweepUpTo: number | undefined): Promise<MergePlan> {
    const keys = keysOf(items)
    // The entries come first: as long as they are what the decision finds, so are the marks that name their versions.
    const found = await this.#to.read(keys, { consistency: 'linearizable' })
    const marks = await readStampMarks(this.#to.marks, keys)
    const entries = found.map(({ entry }) => entry)
    const replaced = await this.#replacedBy(items, new Map(keys.map((key, i) => [key.id, entries[i]])), marks)
    const { codec, log } = this.#to
    return new LastWriterPlan(items, keys, {
      versions: entries.map((entry) => entry?.version ?? 0),
      marks,
      replaced,
      sweepUpTo,
      name: this.#name,
      codec,
      log: log.identity.id,
    })
  }

  async own(entries: readonly Entry[], upTo: number): Promise<readonly Stale[]> {
    const late = entries.filter(({ version }) => version <= upTo)
    const marks = await readStampMarks(this.#to.marks, keysOf(late))
    return late.filter(({ key, version }) => {
      const mark = marks.get(key.id)
      return mark?.version === version && mark.via === this.#name
    })
  }

  /** Nobody knows when it was deleted: right after it was written, so that whatever else came later stays. */
  async removal(stale: readonly Stale[]): Promise<MergePlan> {
    const marks = await readStampMarks(this.#to.marks, keysOf(stale))
    const removed = stale.flatMap((each) => {
      const mark = marks.get(each.key.id)
      return mark?.version === each.version ? [{ ...each, stamp: { ...mark.stamp, at: mark.stamp.at + 1 } }] : []
    })
    const stamps = new Map(removed.map(({ key, stamp }) => [key.id, stamp]))
    const { codec } = this.#to
    return removalPlan(removed, ({ key }) => ({ ...stamps.get(key.id)!, origin: '' }), {
      marks: (changes) =>
        stampMarkWrites(
          codec,
          new Map(changes.map(({ key }) => [key.id, { key, stamp: stamps.get(key.id)!, via: this.#name, version: 0 }])),
          changes,
        ),
      committed: () => undefined,
    })
  }

  /**
   * The changes that incoming ones have replaced in the source, where the target holds something that did not come from
   * there: who replaced it on purpose is no rival.
   */
  async #replacedBy(
    items: readonly Incoming[],
    entries: ReadonlyMap<string, Entry | undefined>,
    marks: ReadonlyMap<string, StampMark>,
  ): Promise<ReadonlyMap<number, Stamp>> {
    const seqs = items.flatMap(({ key, source, prevVersion = 0 }) => {
      const isRival = entries.get(key.id) !== undefined && marks.get(key.id)?.stamp.log !== source.log
      return prevVersion > 0 && isRival ? [prevVersion] : []
    })
    if (seqs.length === 0) return new Map()
    const { id } = this.#from.log.identity
    const rows = await this.#from.log.at(seqs)
    return new Map(
      rows.flatMap((row) =>
        row === undefined ? [] : [[row.seq, row.source ?? { log: id, seq: row.seq, at: row.at }]],
      ),
    )
  }
}

interface Context {
  /** Of the entries, in the order of the keys, when the marks were read. */
  readonly versions: readonly number[]
  readonly marks: ReadonlyMap<string, StampMark>
  readonly replaced: ReadonlyMap<number, Stamp>
  readonly sweepUpTo: number | undefined
  readonly name: string
  readonly codec: Back['codec']
  /** Of the target. */
  readonly log: string
}

class LastWriterPlan implements MergePlan {
  readonly reads: readonly StoreKey[]
  readonly notBefore: number
  readonly failures = []
  conflicts: SyncConflict[] = []
  readonly #items: readonly Incoming[]
  readonly #context: Context
  #held = new Map<string, Held>()
  #stamps = new Map<string, { key: StoreKey; stamp: Stamp; via: string; version: number | undefined }>()
  #writes: Write[] = []

  constructor(items: readonly Incoming[], keys: readonly StoreKey[], context: Context) {
    this.#items = items
    this.#context = context
    this.reads = keys
    // Whoever writes here afterwards has seen this, and is later.
    this.notBefore = items.reduce((latest, { source }) => Math.max(latest, source.at), -1) + 1
  }

  decide(current: readonly (Entry | undefined)[]): readonly Write[] {
    this.conflicts = []
    this.#writes = []
    this.#stamps = new Map()
    this.#held = new Map(current.map((entry, i) => [this.reads[i]!.id, this.#heldAs(entry, i)]))
    for (const item of this.#items) this.#take(item, this.#held.get(item.key.id)!)
    return this.#writes
  }

  marks(changes: readonly LogChange[]): readonly MarkWrite[] {
    return stampMarkWrites(this.#context.codec, this.#stamps, changes)
  }

  committed(): void {}

  #heldAs(entry: Entry | undefined, i: number): Held {
    const { versions, marks, log } = this.#context
    if ((entry?.version ?? 0) !== versions[i]) throw new Overtaken()
    const mark = marks.get(this.reads[i]!.id)
    if (entry === undefined || mark?.version === entry.version) {
      return { stamp: mark?.stamp, via: mark?.via ?? '', entry, isOurs: false, isPresent: entry !== undefined }
    }
    const stamp = { at: entry.writtenAt, log, seq: entry.version }
    return { stamp, via: '', entry, isOurs: false, isPresent: true }
  }

  #take(item: Incoming, held: Held): void {
    if (item.isPart === true) {
      if (held.entry === undefined) this.#writes.push(item.write)
      return
    }
    const order = held.stamp === undefined ? 1 : compareStamps(item.source, held.stamp)
    if (order > 0 || (item.isLocal !== true && this.#isToRefresh(held))) this.#win(item, held)
    else if (order === 0) this.#note(item, held)
    else this.#lose(item, held)
  }

  /**
   * In a snapshot that began anew, whatever the source still has is written again, as it is there: the rest is gone. It is
   * the only one that it could come from.
   */
  #isToRefresh({ entry, via, isOurs }: Held): boolean {
    const { sweepUpTo, name } = this.#context
    return sweepUpTo !== undefined && !isOurs && via === name && entry !== undefined && entry.version <= sweepUpTo
  }

  /** It is this very change; one that the target itself made is remembered beyond its end. */
  #note({ key, isLocal = false, source }: Incoming, { entry, isOurs }: Held): void {
    if (isLocal && entry !== undefined && !isOurs) this.#remember(key, source, '', entry.version)
  }

  #win(item: Incoming, held: Held): void {
    const { key, source, write, isLocal = false } = item
    const isRival = held.entry !== undefined && held.stamp?.log !== source.log
    if (isRival && !isLocal && !this.#hasReplaced(item, held.stamp)) this.#conflict(item, held.entry, 'source')
    if (isLocal) {
      // A set of the target's own that is no longer there has expired; what stands in its place came too late.
      if (held.isPresent) this.#writes.push({ op: 'delete', key, source })
    } else {
      if (write.op === 'delete' && !held.isPresent) this.#writes.push(this.#announced(write))
      this.#writes.push(write)
    }
    this.#remember(
      key,
      source,
      isLocal ? '' : this.#context.name,
      isLocal && write.op === 'set' ? item.version : undefined,
    )
    const isPresent = !isLocal && write.op === 'set'
    this.#held.set(key.id, { stamp: source, via: this.#context.name, entry: undefined, isOurs: true, isPresent })
  }

  /**
   * To delete what is not there is no change, and who follows the target would never hear of it. So something is put there
   * first, which nobody sees: to subscribers this is a deletion, too.
   */
  #announced({ key, source }: DeleteWrite): SetWrite {
    const { codec } = this.#context
    const payload = Payload.encode(codec, null)
    const meta = metaOf(codec, undefined, { isAbsence: true })
    return { op: 'set', key, payload, meta, expiresAt: undefined, path: undefined, source }
  }

  #lose(item: Incoming, held: Held): void {
    // An earlier change of the same store that took a longer way is no rival.
    if (item.isLocal !== true && held.stamp!.log !== item.source.log) this.#conflict(item, held.entry, 'target')
  }

  #hasReplaced({ prevVersion }: Incoming, stamp: Stamp | undefined): boolean {
    const replaced = prevVersion === undefined ? undefined : this.#context.replaced.get(prevVersion)
    return replaced !== undefined && stamp !== undefined && compareStamps(replaced, stamp) === 0
  }

  #remember(key: StoreKey, { at, log, seq }: Stamp, via: string, version: number | undefined): void {
    this.#stamps.set(key.id, { key, stamp: { at, log, seq }, via, version })
  }

  #conflict({ key, write, source, version }: Incoming, entry: Entry | undefined, winner: 'source' | 'target'): void {
    this.conflicts.push({
      key: key.tuple,
      winner,
      source: sideOf({ ...(write.op === 'set' && write), version, at: source.at }),
      target: sideOf(entry === undefined ? { version: 0, at: undefined } : { ...entry, at: entry.writtenAt }),
    })
  }
}
