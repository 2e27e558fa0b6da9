import { createNearMemory, Store } from '@tidemark/core'
import {
  type FrontFlaw,
  ProcessClock,
  type SeededRandom,
  type SharedMemory,
  simulatedFront,
  type SimulatedNetwork,
  type VirtualClock,
} from '@tidemark/testkit'
import { createTiered, type TieredBack, type TieredReadOptions, type TieredWriteOptions } from '@tidemark/tiered'
import { BACK_MS, type Plan, type ProcessPlan } from './plan.ts'

export interface ProcessOptions {
  readonly name: string
  readonly plan: Plan
  readonly process: ProcessPlan
  readonly clock: VirtualClock
  readonly random: SeededRandom
  readonly memory: SharedMemory
  readonly network: SimulatedNetwork
  readonly frontFlaws: readonly FrontFlaw[]
  readonly certificateLives: number
  readonly replacesErrors: boolean
  /** Gets what a loader threw while nobody waited. */
  readonly onError: (error: unknown) => void
  readonly trace: (what: () => string) => void
}

/** One process of the fleet: the production code, on a clock and a network of its own. */
export class SimulatedProcess {
  readonly name: string
  readonly clock: ProcessClock
  readonly tiers: TieredBack
  readonly store: Store<TieredReadOptions, TieredWriteOptions>
  readonly nearMaxStaleMs: number
  /** Δ. */
  readonly maxStaleMs: number
  /** A flaw: callers get another error than the one that was thrown. */
  readonly replacesErrors: boolean
  /** Highest version that this process knows to exist, by key. */
  readonly known = new Map<string, number>()
  #isAlive = true
  #isServing = false

  constructor(options: ProcessOptions) {
    const { name, plan, process, random, memory, network, trace } = options
    this.name = name
    this.clock = new ProcessClock(options.clock, process.skewMs)
    this.replacesErrors = options.replacesErrors
    this.maxStaleMs = process.maxStaleMs ?? plan.maxStaleMs
    this.nearMaxStaleMs = process.nearMaxStaleMs ?? 0
    const { clock } = this
    const own = random.fork()
    const draw = (): number => own.next()
    const delayMs = (): number => {
      if (own.chance(process.slowBackRate)) return own.next() * plan.maxStaleMs
      return process.embedded && own.chance(0.7) ? 0 : own.next() * BACK_MS
    }
    const near =
      process.nearMaxStaleMs === undefined
        ? undefined
        : createNearMemory({ clock, random: draw, maxEntries: process.nearEntries })
    this.tiers = createTiered({
      back: memory.open({ origin: name, clock, delayMs, sync: process.embedded }),
      near,
      fronts: [
        simulatedFront(network, {
          name: 'front',
          client: name,
          clock,
          commandTimeoutMs: plan.commandTimeoutMs,
          reconnectMs: 30,
          flaws: options.frontFlaws,
        }),
      ],
      nearMaxStaleMs: process.nearMaxStaleMs ?? 0,
      frontMaxStaleMs: this.maxStaleMs * options.certificateLives,
      ack: plan.ack,
      writePolicy: plan.writePolicy,
      negativeEntries: plan.negativeEntries,
      clock,
      random: draw,
    })
    this.tiers.tierEvents$.subscribe((event) => {
      if (event.type === 'front-serving') this.#isServing = true
      if (event.type === 'front-bypassed') this.#isServing = false
      trace(() => `${name} ${JSON.stringify(event)}`)
    })
    this.store = new Store(this.tiers, { clock, random: draw, onError: options.onError })
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  /** Whether it reads from the shared front, as far as it told. */
  get isServing(): boolean {
    return this.#isServing
  }

  /** kill -9: nothing of it runs any more; what it has sent is on its way. */
  crash(): void {
    this.#isAlive = false
    this.clock.end()
  }
}
