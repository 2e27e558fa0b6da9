import type { Back, MemoryBack } from '@tidemark/core'
import type { ManualClock } from '@tidemark/testkit'
import { buffered, type Buffered, type Connector } from '@tidemark/tiered'

import type { MapConnector } from './map-connector.ts'

/** What becomes of a call of a connector. `refuse`: nothing is done · `lose`: it is done, and fails all the same */
export type Fault = 'refuse' | 'lose'

/** A connector that outlives the processes that use it. */
export class Site {
  readonly map: MapConnector<unknown>
  isDown = false
  readonly faults: Fault[] = []
  state: unknown
  readonly fences: number[] = []

  constructor(map: MapConnector<unknown>) {
    this.map = map
  }

  /** As one process reaches it. */
  from(process: Process): Connector<unknown> {
    const call = async <T>(work: () => Promise<T>, hasFaults: boolean): Promise<T> => {
      if (process.isDead) return new Promise<T>(() => {})
      const fault = this.isDown ? 'refuse' : hasFaults ? this.faults.shift() : undefined
      if (fault === 'refuse') throw new Error(`${this.map.id} is down`)
      const result = await work()
      // As a server that takes its time.
      await new Promise<void>((resolve) => setImmediate(resolve))
      if (process.isDead) return new Promise<T>(() => {})
      if (fault === 'lose') throw new Error(`the reply of ${this.map.id} is lost`)
      return result
    }
    return {
      id: this.map.id,
      connect: async () => {},
      disconnect: async () => {},
      read: (queries) => call(() => this.map.read(queries), false),
      write: (writes, context) =>
        call(async () => {
          if (context.fence !== undefined) this.fences.push(context.fence)
          await this.map.write(writes, context)
          if (context.checkpoint !== undefined) this.state = context.checkpoint.state
        }, true),
      checkpoints: { last: () => call(async () => this.state, false) },
    }
  }
}

/** A process with a buffer before some sites, journaled in a back tier that outlives it. */
export class Process {
  isDead = false
  buffer!: Buffered<unknown>
  readonly #back: Back
  readonly #clock: ManualClock

  constructor(back: MemoryBack, clock: ManualClock) {
    this.#clock = clock
    const leases = this.#dying(back.leases)
    const marks = this.#dying(back.marks)
    this.#back = this.#dying<Back>(back, { leases, marks })
  }

  /** What it asks for when it is dead is not done, and what is answered then it does not hear. */
  #dying<T extends object>(port: T, parts: Partial<T> = {}): T {
    return new Proxy<T>(port, {
      get: (target, name) => {
        if (name in parts) return parts[name as keyof T]
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        return (...args: unknown[]): unknown => {
          if (this.isDead) return new Promise(() => {})
          const result: unknown = Reflect.apply(value, target, args)
          return result instanceof Promise ? this.#heard(result) : result
        }
      },
    })
  }

  async #heard<T>(answer: Promise<T>): Promise<T> {
    const ended = await Promise.allSettled([answer])
    if (this.isDead) return new Promise<T>(() => {})
    return ended[0].status === 'fulfilled' ? ended[0].value : Promise.reject(ended[0].reason as Error)
  }

  async open(sites: readonly Site[]): Promise<this> {
    const clock = this.#clock
    this.buffer = await buffered(
      sites.map((site) => site.from(this)),
      {
        journal: this.#back,
        name: 'model',
        leaseMs: 1_000,
        maxAgeMs: 400,
        maxDirty: 3,
        capacity: 20,
        cache: { maxEntries: 2 },
        random: () => 0.5,
        onError: () => {},
        clock: {
          now: () => clock.now(),
          monotonic: () => clock.monotonic(),
          sleep: (ms) => this.#heard(clock.sleep(ms)),
          schedule: (ms, task) => clock.schedule(ms, () => void (this.isDead || task())),
        },
      },
    )
    return this
  }
}
