import { StoreKey, tagOfKey } from '@tidemark/core'
import {
  type BackFlaw,
  type ExecutedCall,
  type CallFate,
  type FrontFlaw,
  type NetworkCall,
  SeededRandom,
  type ServerFlaw,
  type ServerSnapshot,
  SharedMemory,
  SimulatedNetwork,
  SimulatedServer,
  VirtualClock,
} from '@tidemark/testkit'
import { History } from './history.ts'
import { type Plan, processPlan } from './plan.ts'
import { LoaderFailure } from './loader-failure.ts'
import { SimulatedProcess } from './simulated-process.ts'
import { valueOf } from './values.ts'

const TICK_MS = 1e-6
const WRITING: ReadonlySet<string> = new Set(['apply', 'fill', 'tail', 'complete'])

export interface WorldOptions {
  readonly plan: Plan
  readonly serverFlaws?: readonly ServerFlaw[] | undefined
  readonly frontFlaws?: readonly FrontFlaw[] | undefined
  readonly backFlaws?: readonly BackFlaw[] | undefined
  readonly certificateLives?: number | undefined
  readonly replacesErrors?: boolean | undefined
  readonly withTrace?: boolean | undefined
}

/** Everything that a run consists of: one back tier, servers, the network, and the processes of a fleet. */
export class World {
  readonly plan: Plan
  readonly clock = new VirtualClock()
  readonly random: SeededRandom
  readonly history: History
  readonly memory: SharedMemory
  readonly network: SimulatedNetwork
  readonly keys: readonly string[]
  readonly loadedKeys: readonly string[]
  readonly tags: readonly string[]
  readonly processes: SimulatedProcess[] = []
  /** While false, nothing goes wrong on the network any more. */
  isTroubled = true
  /** What the replica knows, and what the last snapshot file holds. */
  replicated: ServerSnapshot | undefined
  saved: ServerSnapshot | undefined
  /** How often a restore was declared. */
  restores = 0
  readonly #options: WorldOptions
  readonly #fates: SeededRandom
  #server: SimulatedServer
  #servers = 0
  #values = 0
  #runs = 0
  readonly #versions = new Map<unknown, number>()
  readonly #tagKeys = new Map<string, StoreKey>()
  #now = 0
  #started = 0

  constructor(options: WorldOptions) {
    const { plan, withTrace = false } = options
    this.plan = plan
    this.#options = options
    this.random = new SeededRandom(plan.seed ^ 0x5eed)
    this.#fates = this.random.fork()
    this.history = new History(withTrace)
    const { clock } = this
    this.memory = new SharedMemory({ clock, maxLogChanges: plan.maxLogChanges, flaws: options.backFlaws })
    this.#server = this.#newServer()
    this.network = new SimulatedNetwork({
      clock,
      server: this.#server,
      fateOf: (call) => this.#fate(call),
      onExecuted: (call) => this.trace(() => rendered(call)),
    })
    this.keys = Array.from({ length: plan.keys }, (_, i) => (i < plan.counters ? `counter${i}` : `key${i}`))
    this.loadedKeys = Array.from({ length: plan.loadedKeys }, (_, i) => `loaded${i}`)
    this.tags = Array.from({ length: plan.tags }, (_, i) => `tag${i}`)
    this.memory.onCommit(({ changes }, process) => {
      for (const { key, seq, prevVersion, payload } of changes) {
        const value = payload?.read()
        const tag = tagOfKey(key)
        if (tag !== undefined) this.#tagKeys.set(tag, key)
        const id = tag === undefined ? key.id : `#${tag}`
        this.#versions.set(value, seq)
        this.history.add({ type: 'commit', process, at: this.now, key: id, seq, prevVersion, value })
      }
    })
    for (const _ of plan.processes) this.startProcess()
  }

  /** Later with each look, by next to nothing: of two things at the same virtual time, one came first. */
  get now(): number {
    return (this.#now = Math.max(this.clock.monotonic(), this.#now + TICK_MS))
  }

  /** The primary, as far as anybody knows. */
  get server(): SimulatedServer {
    return this.#server
  }

  get living(): readonly SimulatedProcess[] {
    return this.processes.filter(({ isAlive }) => isAlive)
  }

  /** One that is written once only. */
  nextValue(tags: readonly string[] = []): string {
    return valueOf(++this.#values, tags)
  }

  /** Numbers the calls of loaders. */
  nextRun(): number {
    return ++this.#runs
  }

  /** The commit that wrote this value; undefined: it was never stored. */
  versionOf(value: unknown): number | undefined {
    return this.#versions.get(value)
  }

  /** Everything that was written, tags included. */
  get storeKeys(): readonly StoreKey[] {
    return [...[...this.keys, ...this.loadedKeys].map((key) => StoreKey.of(key)), ...this.#tagKeys.values()]
  }

  trace(what: () => string): void {
    this.history.trace(this.now, what)
  }

  startProcess(): SimulatedProcess {
    const { plan, clock, random, memory, network } = this
    const nth = this.#started++
    const process = new SimulatedProcess({
      name: `p${nth}`,
      plan,
      process: processPlan(plan, `p${nth}`),
      clock,
      random,
      memory,
      network,
      certificateLives: this.#options.certificateLives ?? 1,
      frontFlaws: this.#options.frontFlaws ?? [],
      replacesErrors: this.#options.replacesErrors ?? false,
      onError: (error) => this.#onUnclaimed(`p${nth}`, error),
      trace: (what) => this.trace(what),
    })
    this.processes.push(process)
    return process
  }

  /** The replica becomes the primary; the old one lives on, for those who are still connected to it. */
  promote(): SimulatedServer {
    const old = this.#server
    this.#server = this.#newServer(this.replicated ?? { records: new Map(), meta: undefined })
    this.network.routeAll(this.#server)
    return old
  }

  /** Nobody waited for the load any more. */
  #onUnclaimed(process: string, error: unknown): void {
    if (error instanceof LoaderFailure) return
    const { now } = this
    this.history.add({
      type: 'trouble',
      process,
      what: `a load failed: ${String(error)}`,
      invokedAt: now,
      returnedAt: now,
    })
  }

  #newServer(snapshot?: ServerSnapshot): SimulatedServer {
    const { plan, serverFlaws: flaws = [] } = this.#options
    const name = `server${this.#servers++}`
    const { clock } = this
    return new SimulatedServer({ name, clock, stripes: plan.stripes, flaws, ...(snapshot && { snapshot }) })
  }

  #fate({ command }: NetworkCall): CallFate {
    const random = this.#fates
    const { lossRate, lateRate, slowRate, commandTimeoutMs, maxStaleMs } = this.plan
    const take = (): number =>
      this.isTroubled && random.chance(slowRate) ? random.next() * commandTimeoutMs * 1.2 : 0.1 + random.next() * 2
    const fate = { before: take(), after: take() }
    if (!this.isTroubled) return fate
    // Lost to whoever sent it, and executed at last: what an old connection still had in its buffers.
    if (WRITING.has(command) && random.chance(lateRate)) {
      return { ...fate, before: random.next() * 2 * maxStaleMs, fault: 'cut-now' }
    }
    if (!random.chance(lossRate)) return fate
    return { ...fate, fault: random.pick(['cut-before', 'cut-after', 'stall-before', 'stall-after'] as const) }
  }
}

function rendered({ client, server, command, about, answer }: ExecutedCall): string {
  const leaveOut = (name: string, value: unknown): unknown =>
    name === 'payload' || name === 'entry' || name === 'key' ? undefined : value
  return `${server} ${client} ${command} ${JSON.stringify(about, leaveOut) ?? ''} -> ${JSON.stringify(answer, leaveOut)}`
}
