import {
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
import type { Plan } from './plan.ts'
import { SimulatedProcess } from './simulated-process.ts'

const TICK_MS = 1e-6
const WRITING: ReadonlySet<string> = new Set(['apply', 'fill', 'tail', 'complete'])

export interface WorldOptions {
  readonly plan: Plan
  readonly serverFlaws?: readonly ServerFlaw[] | undefined
  readonly frontFlaws?: readonly FrontFlaw[] | undefined
  readonly certificateLives?: number | undefined
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
  readonly processes: SimulatedProcess[] = []
  /** While false, nothing goes wrong on the network any more. */
  isTroubled = true
  /** What the replica knows, and what the last snapshot file holds. */
  replicated: ServerSnapshot | undefined
  saved: ServerSnapshot | undefined
  readonly #options: WorldOptions
  readonly #fates: SeededRandom
  #server: SimulatedServer
  #servers = 0
  #values = 0
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
    this.memory = new SharedMemory({ clock, maxLogChanges: plan.maxLogChanges })
    this.#server = this.#newServer()
    this.network = new SimulatedNetwork({
      clock,
      server: this.#server,
      fateOf: (call) => this.#fate(call),
      onExecuted: (call) => this.trace(() => rendered(call)),
    })
    this.keys = Array.from({ length: plan.keys }, (_, i) => (i < plan.counters ? `counter${i}` : `key${i}`))
    this.memory.onCommit(({ changes }, process) => {
      for (const { key, seq, prevVersion, payload } of changes) {
        const value = payload?.read()
        this.history.add({ type: 'commit', process, at: this.now, key: key.id, seq, prevVersion, value })
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
  nextValue(): string {
    return `value ${++this.#values}`
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
      process: plan.processes[nth % plan.processes.length]!,
      clock,
      random,
      memory,
      network,
      certificateLives: this.#options.certificateLives ?? 1,
      frontFlaws: this.#options.frontFlaws ?? [],
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
