import { createMemoryBack, type MemoryBack, Store } from '@tidemark/core'
import { ManualClock } from '@tidemark/testkit'
import type { WriteBehindOptions } from '../../../src/index.ts'
import { Process } from './process.ts'

/** Nothing is flushed by time, unless a test says so. */
export const PATIENT = { maxAgeMs: 60_000 } as const

/** Processes over one back tier, in time that tests own. */
export class Machine {
  readonly clock = new ManualClock()
  readonly back: MemoryBack = createMemoryBack({ clock: this.clock })
  readonly other = new Store(this.back, { clock: this.clock })

  start(options: WriteBehindOptions = {}): Process {
    return new Process(this.back, this.clock, { ...PATIENT, ...options })
  }

  async after(ms: number): Promise<void> {
    await turns()
    this.clock.advance(ms)
    await turns()
  }
}

/** Lets everything happen that only waits for promises. */
export async function turns(count = 30): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}
