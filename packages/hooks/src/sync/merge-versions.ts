import {
  type Back,
  type Entry,
  type LogChange,
  type MarkWrite,
  Payload,
  type StoreKey,
  type Write,
} from '@tidemark/core'
import type { Incoming } from './incoming.ts'
import { keysOf, type Merge, type MergePlan, Overtaken, type Stale } from './merge-plan.ts'
import { removalPlan } from './removal-plan.ts'
import { type SideFacts, sideOf, type SyncConflict } from './sync-conflict.ts'
import { deletedKey, deletedRange } from './sync-keys.ts'
import type { CustomPolicy, Resolution } from './sync-options.ts'
import type { WrittenVersions } from './written-versions.ts'

/** Where the entry of a key comes from that a relayed change is about: the seq of each log's change. */
type Origins = ReadonlyMap<number, LogChange['source']>

/** Primary to replica: what this sync wrote is replaced, what others wrote in the target is a conflict. */
export class VersionMerge implements Merge {
  readonly #to: Target
  readonly #name: string
  readonly #written: WrittenVersions
  readonly #resolve: CustomPolicy['resolve']
  /** Whether any deletion is noted; undefined: not known yet. */
  #isAnyDeleted: boolean | undefined

  constructor(to: Target, name: string, written: WrittenVersions, resolve: CustomPolicy['resolve']) {
    this.#to = to
    this.#name = name
    this.#written = written
    this.#resolve = resolve
  }

  async plan(all: readonly Incoming[]): Promise<MergePlan> {
    const items = all.filter(({ isLocal }) => isLocal !== true)
    const origins = await this.#originsOf(keysOf(items.filter((item) => item.isRelayed)))
    const deleted = await this.#deletedOf(all)
    return new VersionPlan(items, origins, deleted, { to: this.#to, written: this.#written, resolve: this.#resolve })
  }

  async own(entries: readonly Entry[], upTo: number): Promise<readonly Stale[]> {
    return entries.filter(({ version }) => version <= upTo && this.#written.has(version))
  }

  async removal(stale: readonly Stale[], log: string, position: number): Promise<MergePlan> {
    const source = { log, seq: position, at: 0, origin: '' }
    return removalPlan(stale, () => source, {
      marks: (changes) => this.#written.marks(changes),
      committed: (changes) => this.#written.add(changes),
    })
  }

  /**
   * What somebody has deleted in the target. That a key is absent there does not tell: it may have expired, or not have
   * been copied for an invalidated tag.
   */
  async #deletedOf(items: readonly Incoming[]): Promise<Deleted> {
    const { id } = this.#to.log.identity
    const deleted: Deleted = new Map()
    const asked: [id: string, mark: StoreKey][] = []
    for (const { key, isLocal, source, write, isEntry, prevVersion = 0 } of items) {
      const isNew = isLocal === true && write.op === 'delete' && source.log === id
      const isAsked = isLocal !== true && write.op === 'set' && !isEntry && prevVersion > 0
      const mark = isNew || (isAsked && (await this.#hasDeleted())) ? deletedKey(this.#name, key) : undefined
      if (mark === undefined) continue
      if (isAsked) asked.push([key.id, mark])
      else deleted.set(key.id, { mark, isNew })
    }
    if (deleted.size > 0) this.#isAnyDeleted = true
    const found = asked.length === 0 ? [] : await this.#to.marks.read(asked.map(([, mark]) => mark))
    for (const [i, [key, mark]] of asked.entries()) {
      if (found[i] !== undefined && !deleted.has(key)) deleted.set(key, { mark, isNew: false })
    }
    return deleted
  }

  /** Mostly there is none, and nothing needs to be looked up. */
  async #hasDeleted(): Promise<boolean> {
    if (this.#isAnyDeleted !== undefined) return this.#isAnyDeleted
    const found = await this.#to.marks.scan(deletedRange(this.#name), { after: undefined, limit: 1 })
    return (this.#isAnyDeleted = found.length > 0)
  }

  /** Of a change that went round, the target may hold a later one of the same log: its own log tells. */
  async #originsOf(keys: readonly StoreKey[]): Promise<Origins> {
    if (keys.length === 0) return new Map()
    const found = await this.#to.read(keys, { consistency: 'linearizable' })
    const versions = found.flatMap(({ entry }) => (entry === undefined ? [] : [entry.version]))
    const rows = await this.#to.log.at(versions)
    return new Map(versions.map((version, i) => [version, rows[i]?.source]))
  }
}

type Target = Pick<Back, 'log' | 'read' | 'marks' | 'codec'>

/** By the id of the key: where it is noted that it was deleted, and whether it is yet to be. */
type Deleted = Map<string, { readonly mark: StoreKey; readonly isNew: boolean }>

interface Context {
  readonly to: Pick<Back, 'codec'>
  readonly written: WrittenVersions
  readonly resolve: CustomPolicy['resolve']
}

/** What is known of a key while a plan decides about it. */
interface State {
  /** undefined: this plan has written the key. */
  readonly entry: Entry | undefined
  readonly isOurs: boolean
}

class VersionPlan implements MergePlan {
  readonly reads: readonly StoreKey[]
  readonly notBefore = 0
  conflicts: SyncConflict[] = []
  failures: { item: Incoming; error: unknown }[] = []
  readonly #items: readonly Incoming[]
  readonly #origins: Origins
  readonly #deleted: Deleted
  readonly #context: Context
  #states = new Map<string, State>()
  #writes: Write[] = []

  constructor(items: readonly Incoming[], origins: Origins, deleted: Deleted, context: Context) {
    this.#items = items
    this.#origins = origins
    this.#deleted = deleted
    this.#context = context
    this.reads = keysOf(items)
  }

  decide(current: readonly (Entry | undefined)[]): readonly Write[] {
    const { written } = this.#context
    this.conflicts = []
    this.failures = []
    this.#writes = []
    this.#states = new Map(
      current.map((entry, i) => [
        this.reads[i]!.id,
        { entry, isOurs: entry !== undefined && written.has(entry.version) },
      ]),
    )
    for (const item of this.#items) this.#take(item, this.#states.get(item.key.id)!)
    return this.#writes
  }

  marks(changes: readonly LogChange[]): readonly MarkWrite[] {
    const { written, to } = this.#context
    const notes: MarkWrite[] = []
    for (const [id, { mark, isNew }] of this.#deleted) {
      const isWritten = this.#states.get(id)?.isOurs === true
      if (isWritten && !isNew) notes.push({ key: mark, value: undefined })
      if (!isWritten && isNew) notes.push({ key: mark, value: Payload.encode(to.codec, true) })
    }
    return [...written.marks(changes), ...notes]
  }

  committed(changes: readonly LogChange[]): void {
    this.#context.written.add(changes)
  }

  #take(item: Incoming, { entry, isOurs }: State): void {
    if (item.isPart === true) {
      if (entry === undefined && !isOurs) this.#write(item)
      return
    }
    if (entry !== undefined && item.isRelayed && this.#isOutdated(item, entry)) return
    if (isOurs || item.isTag) return this.#write(item)
    if (entry === undefined) return this.#takeAbsent(item)
    // Expiry is about what expired, not about what somebody has written since.
    if (item.isExpiry) return
    if (isEqual(item.write, entry)) {
      // One that went round ends here; one that comes straight from the source is the source's from here on.
      if (!item.isRelayed) this.#write(item)
      return
    }
    this.#settle(item, entry)
  }

  #takeAbsent(item: Incoming): void {
    const isRival = item.write.op === 'set' && !item.isEntry && (item.prevVersion ?? 0) > 0
    if (isRival && this.#deleted.has(item.key.id)) this.#settle(item, undefined)
    else this.#write(item)
  }

  #write(item: Incoming): void {
    this.#writes.push(item.write)
    this.#states.set(item.key.id, { entry: undefined, isOurs: true })
  }

  #isOutdated({ source }: Incoming, { version }: Entry): boolean {
    if (!this.#origins.has(version)) throw new Overtaken()
    const held = this.#origins.get(version)
    return held !== undefined && held.log === source.log && held.seq >= source.seq
  }

  #settle(item: Incoming, entry: Entry | undefined): void {
    const { write } = item
    const sides = {
      key: item.key.tuple,
      source: sideOf({ ...(write.op === 'set' && write), version: item.version, at: item.source.at }),
      target: sideOf(entry === undefined ? { version: 0, at: undefined } : factsOf(entry)),
    }
    let resolution: Resolution
    let merged: Write | undefined
    try {
      resolution = this.#context.resolve(sides)
      merged = mergedWrite(this.#context.to, item.key, resolution)
    } catch (error) {
      this.failures.push({ item, error })
      return
    }
    if (resolution === 'source' || (merged !== undefined && isSame(merged, write))) this.#write(item)
    else if (merged !== undefined && !(entry !== undefined && isEqual(merged, entry))) {
      // The target's own: what is merged is news for the source, too.
      this.#writes.push(merged)
      this.#states.set(item.key.id, { entry: stateOf(merged, entry), isOurs: false })
    }
    const winner = resolution === 'source' || resolution === 'target' ? resolution : 'merged'
    this.conflicts.push({ ...sides, winner })
  }
}

/** What stands there once a merged state is written, as far as it is compared with what comes after it. */
function stateOf(write: Write, entry: Entry | undefined): Entry | undefined {
  if (write.op === 'delete') return undefined
  const { key, payload, expiresAt, meta } = write
  return { key, payload, expiresAt, meta, version: entry?.version ?? 0, writtenAt: entry?.writtenAt ?? 0 }
}

function factsOf({ version, writtenAt, payload, meta, expiresAt }: Entry): SideFacts {
  return { version, at: writtenAt, payload, meta, expiresAt }
}

function mergedWrite({ codec }: Pick<Back, 'codec'>, key: StoreKey, resolution: Resolution): Write | undefined {
  if (resolution === 'delete') return { op: 'delete', key }
  if (resolution === 'source' || resolution === 'target') return undefined
  if (typeof resolution !== 'object' || resolution === null || !('value' in resolution)) {
    throw new TypeError(
      `option conflict.resolve must return 'source', 'target', 'delete' or { value }, not ${String(resolution)}`,
    )
  }
  const { value, meta, expiresAt } = resolution
  return {
    op: 'set',
    key,
    payload: Payload.encode(codec, value),
    meta: meta === undefined ? undefined : Payload.encode(codec, meta),
    expiresAt,
    path: undefined,
  }
}

function isSame(one: Write, other: Write): boolean {
  if (one.op === 'delete' || other.op === 'delete') return one.op === other.op
  return isEqual(one, other)
}

function isEqual(write: Write, entry: Pick<Entry, 'payload' | 'meta' | 'expiresAt'>): boolean {
  if (write.op === 'delete' || write.expiresAt !== entry.expiresAt) return false
  const metas = [write.meta, entry.meta]
  const areMetas =
    metas[0] === undefined || metas[1] === undefined ? metas[0] === metas[1] : metas[0].isSameAs(metas[1])
  return areMetas && write.payload.isSameAs(entry.payload)
}
