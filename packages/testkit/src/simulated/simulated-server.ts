import type { Clock, FrontOutcome } from '@tidemark/core'
import {
  type BatchReply,
  type SentChange,
  type SentFill,
  type SentRecord,
  type SentStart,
  type SentStep,
  type ServerLook,
  ServerRefusal,
} from './commands.ts'
import type { ServerFlaw } from './flaws.ts'
import { copyMeta, emptyMeta, type ServerMeta, type ServerSnapshot, type StoredRecord } from './server-state.ts'

export interface SimulatedServerOptions {
  readonly name?: string
  readonly clock: Clock
  /** How many fences there are: few make unrelated keys share one. @default 1024 */
  readonly stripes?: number
  readonly flaws?: readonly ServerFlaw[]
  /** What it starts with: a snapshot that was loaded, or what was replicated. @default nothing */
  readonly snapshot?: ServerSnapshot
}

/**
 * What a shared front's server does, in memory and at once: the scripts of the coherence protocol, rule by rule, and the
 * ways in which such a server forgets.
 */
export class SimulatedServer {
  readonly name: string
  /** The server takes no more memory: `noeviction` with nothing left. */
  full = false
  /** It answers everything with LOADING. */
  loading = false
  /** It is a replica: it answers reads, and refuses the rest. */
  readOnly = false
  readonly #clock: Clock
  readonly #stripes: number
  readonly #flaws: ReadonlySet<ServerFlaw>
  readonly #restarts = new Set<() => void>()
  #records = new Map<string, StoredRecord>()
  #meta: ServerMeta | undefined
  #run = 1
  /** What has arrived while the process was stopped; undefined: it is not. */
  #backlog: (() => void)[] | undefined

  constructor({ name = 'server', clock, stripes = 1024, flaws = [], snapshot }: SimulatedServerOptions) {
    this.name = name
    this.#clock = clock
    this.#stripes = stripes
    this.#flaws = new Set(flaws)
    if (snapshot !== undefined) this.#load(snapshot)
  }

  get runId(): string {
    return `${this.name}-${this.#run}`
  }

  /** Has a command executed: at once, or, while the server is stopped, when it goes on. */
  receive(command: () => void): void {
    if (this.#backlog === undefined) command()
    else this.#backlog.push(command)
  }

  look(): ServerLook {
    this.#refuseWhileLoading()
    const meta = this.#meta
    const epoch = this.#epoch
    const ready = epoch !== undefined
    return {
      server: this.runId,
      epoch,
      watermark: ready ? meta?.watermark : undefined,
      mark: ready ? meta!.mark : '',
      tailer: ready ? meta!.tailer : '',
    }
  }

  read(ids: readonly string[]): readonly (StoredRecord | undefined)[] {
    this.#refuseWhileLoading()
    return ids.map((id) => this.#record(id))
  }

  /** APPLY. @throws ServerRefusal OOM before anything was done, when there is something to install and no room. */
  apply(epoch: string | undefined, changes: readonly SentChange[]): BatchReply {
    this.#refuseWrite()
    if (this.full && changes.some(({ record }) => record !== undefined)) throw new ServerRefusal('OOM')
    return { outcomes: changes.map((change) => this.#apply(epoch, change)), epoch: this.#epoch }
  }

  /** FILL. @throws ServerRefusal OOM */
  fill(epoch: string, fills: readonly SentFill[]): BatchReply {
    this.#refuseWrite()
    if (this.full) throw new ServerRefusal('OOM')
    return { outcomes: fills.map((fill) => this.#fill(epoch, fill)), epoch: this.#epoch }
  }

  /** TAIL. @returns the watermark afterwards; undefined: there is none */
  tail(epoch: string | undefined, { from, to, changes, mark, tailer }: SentStep): number | undefined {
    this.#refuseWrite()
    const meta = this.#meta
    if (meta === undefined || this.#epoch === undefined) return undefined
    if (epoch !== this.#epoch || meta.watermark !== from) return meta.watermark
    for (const { id, seq } of changes) {
      const version = this.#versionOf(id)
      if ((version === undefined || version < seq) && !this.#has('tail-removes-nothing')) this.#records.delete(id)
      if (!this.#has('tail-raises-no-fence')) this.#raise(id, seq)
    }
    meta.watermark = to
    meta.mark = mark
    meta.tailer = tailer
    return to
  }

  /** The first step of a start from nothing: from now on there is no watermark. The fences stay. */
  announce(nonce: string): void {
    this.#refuseWrite()
    const meta = (this.#meta ??= emptyMeta())
    meta.watermark = undefined
    meta.mark = ''
    meta.tailer = ''
    meta.nonce = nonce
  }

  /** The last step. @returns whether it was this start that completed */
  complete({ nonce, epoch, head, mark }: SentStart): boolean {
    this.#refuseWrite()
    const meta = this.#meta
    if (meta?.nonce !== nonce) return false
    if (!this.#has('start-keeps-epoch')) meta.epoch = epoch
    meta.epoch ??= epoch
    meta.watermark = head
    if (!this.#has('start-without-base')) meta.base = head
    meta.mark = mark
    meta.nonce = undefined
    return true
  }

  /** The record of the key in whatever epoch, and its fence. */
  inspect(id: string): {
    readonly record: StoredRecord | undefined
    readonly fence: number
    readonly look: ServerLook
  } {
    return { record: this.#record(id), fence: this.#fence(id), look: this.look() }
  }

  /** Ids and records of the current epoch, in the order of the ids. */
  list(): readonly (readonly [id: string, record: StoredRecord])[] {
    const epoch = this.#epoch
    return [...this.#records.keys()].toSorted().flatMap((id) => {
      const record = this.#record(id)
      return record !== undefined && record.epoch === epoch ? [[id, record] as const] : []
    })
  }

  /** The server drops a record, as it does when memory is short. @returns whether there was one */
  evict(id: string): boolean {
    return this.#records.delete(id)
  }

  /** Meta is evicted, or deleted by an operator; the records stay. */
  loseMeta(): void {
    this.#meta = undefined
  }

  /** FLUSHALL. */
  flushAll(): void {
    this.loseMeta()
    this.#records.clear()
  }

  snapshot(): ServerSnapshot {
    return { records: new Map(this.#records), meta: copyMeta(this.#meta) }
  }

  /** The server starts again with what a snapshot file holds, or with nothing: another run, and every connection ends. */
  restart(snapshot?: ServerSnapshot): void {
    this.#run++
    this.#backlog = undefined
    this.#load(snapshot ?? { records: new Map(), meta: undefined })
    for (const listener of Array.from(this.#restarts)) listener()
  }

  /** SIGSTOP: what arrives waits. */
  stop(): void {
    this.#backlog ??= []
  }

  /** SIGCONT. */
  resume(): void {
    const backlog = this.#backlog ?? []
    this.#backlog = undefined
    for (const command of backlog) command()
  }

  onRestart(listener: () => void): () => void {
    this.#restarts.add(listener)
    return () => void this.#restarts.delete(listener)
  }

  #apply(epoch: string | undefined, { id, seq, record }: SentChange): FrontOutcome {
    const version = this.#versionOf(id)
    if (version !== undefined && version >= seq && !this.#has('apply-ignores-versions')) {
      if (!this.#has('apply-newer-raises-no-fence')) this.#raise(id, seq)
      return 'newer'
    }
    const current = this.#epoch !== undefined && epoch === this.#epoch
    const open = version !== undefined || seq >= this.#fence(id) || this.#has('apply-installs-on-absent')
    const installs = record !== undefined && current && open
    if (!installs) this.#records.delete(id)
    this.#raise(id, seq)
    if (installs) this.#store(id, record)
    return installs ? 'installed' : 'removed'
  }

  #fill(epoch: string, { id, asOf, record }: SentFill): FrontOutcome {
    if (this.#epoch === undefined || epoch !== this.#epoch) return 'fenced'
    if (asOf < this.#fence(id) && !this.#has('fill-unfenced')) return 'fenced'
    const version = this.#versionOf(id)
    if (version !== undefined && version >= record.version) return 'newer'
    this.#store(id, record)
    return 'installed'
  }

  #store(id: string, { version, entry, until, px }: SentRecord): void {
    this.#records.set(id, { epoch: this.#epoch!, version, entry, until, endsAt: this.#clock.monotonic() + px })
  }

  #record(id: string): StoredRecord | undefined {
    const record = this.#records.get(id)
    if (record === undefined || record.endsAt > this.#clock.monotonic()) return record
    this.#records.delete(id)
    return undefined
  }

  /** undefined: there is no record, or one of another epoch, which is none. */
  #versionOf(id: string): number | undefined {
    const record = this.#record(id)
    return record !== undefined && record.epoch === this.#meta?.epoch ? record.version : undefined
  }

  /** undefined: meta is not ready. */
  get #epoch(): string | undefined {
    return this.#meta?.watermark === undefined ? undefined : this.#meta.epoch
  }

  #fence(id: string): number {
    const { base = 0, fences } = this.#meta ?? {}
    return Math.max(base, fences?.get(stripeOf(id, this.#stripes)) ?? 0)
  }

  #raise(id: string, seq: number): void {
    if (this.#has('raises-no-fence')) return
    if (seq <= this.#fence(id)) return
    this.#meta ??= emptyMeta()
    this.#meta.fences.set(stripeOf(id, this.#stripes), seq)
  }

  #load({ records, meta }: ServerSnapshot): void {
    this.#records = new Map(records)
    this.#meta = copyMeta(meta)
  }

  #refuseWhileLoading(): void {
    if (this.loading) throw new ServerRefusal('LOADING')
  }

  #refuseWrite(): void {
    this.#refuseWhileLoading()
    if (this.readOnly) throw new ServerRefusal('READONLY')
  }

  #has(flaw: ServerFlaw): boolean {
    return this.#flaws.size > 0 && this.#flaws.has(flaw)
  }
}

/** FNV-1a, as the scripts' callers use it; with another number of fences it spreads as well. */
function stripeOf(id: string, stripes: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  return (((hash >>> 10) ^ hash) >>> 0) % stripes
}
