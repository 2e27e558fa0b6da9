import type { Clock, FrontOutcome } from '@tidemark/core'
import {
  type BatchReply,
  type SentAnnouncement,
  type SentChange,
  type SentFill,
  type SentStart,
  type SentStep,
  type ServerLook,
  ServerRefusal,
} from './commands.ts'
import type { ServerFlaw } from './flaws.ts'
import { ServerData } from './server-data.ts'
import { emptyMeta, type ServerSnapshot, type StoredRecord } from './server-state.ts'

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
  readonly #data: ServerData
  readonly #flaws: ReadonlySet<ServerFlaw>
  readonly #restarts = new Set<() => void>()
  #run = 1
  /** What has arrived while the process was stopped; undefined: it is not. */
  #backlog: (() => void)[] | undefined

  constructor({ name = 'server', clock, stripes = 1024, flaws = [], snapshot }: SimulatedServerOptions) {
    this.name = name
    this.#clock = clock
    this.#data = new ServerData(clock, stripes)
    this.#flaws = new Set(flaws)
    if (snapshot !== undefined) this.#data.load(snapshot)
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
    const meta = this.#data.meta
    const epoch = this.#data.epoch
    const ready = epoch !== undefined
    return {
      server: this.runId,
      epoch,
      watermark: ready ? meta?.watermark : undefined,
      mark: ready ? meta!.mark : '',
      tailer: ready ? meta!.tailer : '',
      highest: ready ? meta!.highest : undefined,
    }
  }

  read(ids: readonly string[]): readonly (StoredRecord | undefined)[] {
    this.#refuseWhileLoading()
    return ids.map((id) => this.#data.record(id))
  }

  /** APPLY. @throws ServerRefusal OOM before anything was done, when there is something to install and no room. */
  apply(epoch: string | undefined, changes: readonly SentChange[]): BatchReply {
    this.#refuseWrite()
    if (this.full && changes.some(({ record }) => record !== undefined)) throw new ServerRefusal('OOM')
    return { outcomes: changes.map((change) => this.#apply(epoch, change)), epoch: this.#data.epoch }
  }

  /** FILL. @throws ServerRefusal OOM */
  fill(epoch: string, fills: readonly SentFill[]): BatchReply {
    this.#refuseWrite()
    if (this.full) throw new ServerRefusal('OOM')
    return { outcomes: fills.map((fill) => this.#fill(epoch, fill)), epoch: this.#data.epoch }
  }

  /** TAIL. @returns the watermark afterwards; undefined: there is none */
  tail(epoch: string | undefined, { from, to, changes, mark, tailer }: SentStep): number | undefined {
    this.#refuseWrite()
    const meta = this.#data.meta
    if (meta === undefined || this.#data.epoch === undefined) return undefined
    if (epoch !== this.#data.epoch || meta.watermark !== from) return meta.watermark
    for (const { id, seq } of changes) {
      const version = this.#data.versionOf(id)
      if ((version === undefined || version < seq) && !this.#has('tail-removes-nothing')) this.#data.remove(id)
      if (!this.#has('tail-raises-no-fence')) this.#raise(id, seq)
    }
    meta.watermark = to
    meta.mark = mark
    meta.tailer = tailer
    this.#data.reach(to, mark)
    return to
  }

  /**
   * The first step of a start from nothing: from now on there is no watermark. The fences stay.
   * @returns false: somebody else has started it, or announced a start a moment ago, and nothing has happened
   */
  announce({ nonce, seen, own, patienceMs }: SentAnnouncement): boolean {
    this.#refuseWrite()
    const meta = (this.#data.meta ??= emptyMeta())
    const now = this.#clock.now()
    if (this.#data.epoch !== undefined && this.#data.epoch !== seen) return false
    const age = now - meta.announcedAt
    const isTheirs = meta.nonce !== undefined && meta.nonce !== own
    if (isTheirs && age >= 0 && age < patienceMs) return false
    meta.watermark = undefined
    meta.mark = ''
    meta.tailer = ''
    meta.nonce = nonce
    meta.announcedAt = now
    return true
  }

  /** The last step. @returns whether it was this start that completed */
  complete({ nonce, epoch, head, mark }: SentStart): boolean {
    this.#refuseWrite()
    const meta = this.#data.meta
    if (meta?.nonce !== nonce) return false
    if (!this.#has('start-keeps-epoch')) meta.epoch = epoch
    meta.epoch ??= epoch
    meta.watermark = head
    if (!this.#has('start-without-base')) meta.base = head
    meta.mark = mark
    meta.highest = { seq: head, mark }
    meta.nonce = undefined
    return true
  }

  /** DEL. */
  discard(ids: readonly string[]): void {
    this.#refuseWrite()
    for (const id of ids) this.#data.remove(id)
  }

  /** The record of the key in whatever epoch, and its fence. */
  inspect(id: string): {
    readonly record: StoredRecord | undefined
    readonly fence: number
    readonly look: ServerLook
  } {
    return { record: this.#data.record(id), fence: this.#data.fence(id), look: this.look() }
  }

  /** Ids and records of the current epoch, in the order of the ids. */
  list(): readonly (readonly [id: string, record: StoredRecord])[] {
    const epoch = this.#data.epoch
    return this.#data.ids.flatMap((id) => {
      const record = this.#data.record(id)
      return record !== undefined && record.epoch === epoch ? [[id, record] as const] : []
    })
  }

  /** The server drops a record, as it does when memory is short. @returns whether there was one */
  evict(id: string): boolean {
    return this.#data.remove(id)
  }

  /** Meta is evicted, or deleted by an operator; the records stay. */
  loseMeta(): void {
    this.#data.meta = undefined
  }

  /** FLUSHALL. */
  flushAll(): void {
    this.loseMeta()
    this.#data.clear()
  }

  snapshot(): ServerSnapshot {
    return this.#data.snapshot()
  }

  /** The server starts again with what a snapshot file holds, or with nothing: another run, and every connection ends. */
  restart(snapshot?: ServerSnapshot): void {
    this.#run++
    this.#backlog = undefined
    this.#data.load(snapshot ?? { records: new Map(), meta: undefined })
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

  #apply(epoch: string | undefined, { id, seq, mark, record }: SentChange): FrontOutcome {
    this.#data.reach(seq, mark)
    const version = this.#data.versionOf(id)
    if (version !== undefined && version >= seq && !this.#has('apply-ignores-versions')) {
      if (!this.#has('apply-newer-raises-no-fence')) this.#raise(id, seq)
      return 'newer'
    }
    const current = this.#data.epoch !== undefined && epoch === this.#data.epoch
    const open = version !== undefined || seq >= this.#data.fence(id) || this.#has('apply-installs-on-absent')
    const installs = record !== undefined && current && open
    if (!installs) this.#data.remove(id)
    this.#raise(id, seq)
    if (installs) this.#data.store(id, epoch!, record)
    return installs ? 'installed' : 'removed'
  }

  #fill(epoch: string, { id, asOf, record }: SentFill): FrontOutcome {
    if (this.#data.epoch === undefined || epoch !== this.#data.epoch) return 'fenced'
    if (asOf < this.#data.fence(id) && !this.#has('fill-unfenced')) return 'fenced'
    const version = this.#data.versionOf(id)
    if (version !== undefined && version >= record.version) return 'newer'
    this.#data.store(id, epoch, record)
    return 'installed'
  }

  #raise(id: string, seq: number): void {
    if (!this.#has('raises-no-fence')) this.#data.raise(id, seq)
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
