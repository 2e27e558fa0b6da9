import { ProcessClock, runInVirtualTime, SharedMemory, VirtualClock } from '@tidemark/testkit'
import { type Back, type LoadContext, Store } from '../../../src/index.ts'

/** One process of a fleet that shares a back tier, in virtual time. */
export interface Member {
  readonly store: Store
  readonly back: Back
  readonly clock: ProcessClock
  readonly errors: readonly unknown[]
}

export class VirtualFleet {
  readonly #clock = new VirtualClock()
  readonly memory: SharedMemory = new SharedMemory({ clock: this.#clock })
  #members = 0

  /** @param delay how long the way to the back tier takes, in milliseconds, each time */
  open(delay: number | (() => number) = 0): Member {
    const delayMs = typeof delay === 'number' ? (): number => delay : delay
    const clock = new ProcessClock(this.#clock)
    const back = this.memory.open({ origin: `p${++this.#members}`, clock, delayMs })
    const errors: unknown[] = []
    const store = new Store(back, { clock, random: () => 0, onError: (error) => errors.push(error) })
    return { store, back, clock, errors }
  }

  /** Lets time pass, millisecond by millisecond, so that what takes no time takes none, however many turns it takes. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    let isDone = false
    const tick = (): void => void (isDone || this.#clock.schedule(1, tick))
    tick()
    try {
      return await runInVirtualTime(this.#clock, work(), Infinity)
    } finally {
      isDone = true
    }
  }

  /** Lets so many milliseconds of virtual time pass, between two {@link run}. */
  elapse(ms: number): Promise<void> {
    return this.run(() => this.after(ms))
  }

  /** Within a {@link run}, resolves when so many milliseconds of virtual time have passed. */
  after(ms: number): Promise<void> {
    return this.#clock.sleep(ms)
  }

  get now(): number {
    return this.#clock.monotonic()
  }
}

/** A loader that takes its time, and counts. */
export function slow<T>(clock: ProcessClock, ms: number, value: T | Error): SlowLoad<T> {
  const calls: LoadContext<T>[] = []
  return {
    calls,
    async load(context) {
      calls.push(context)
      await clock.sleep(ms)
      if (value instanceof Error) throw value
      return value
    },
  }
}

export interface SlowLoad<T> {
  readonly calls: readonly LoadContext<T>[]
  readonly load: (context: LoadContext<T>) => Promise<T>
}
