import { type Clock, systemClock } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { type Instance, keyOf } from './fleet.ts'

/** Monotonic time that a test can stop; timers are real, so that fronts are looked at and servers answer. */
export class StoppableClock implements Clock {
  #stoppedAt: number | undefined

  monotonic(): number {
    return this.#stoppedAt ?? systemClock.monotonic()
  }

  now(): number {
    return systemClock.now()
  }

  schedule(delayMs: number, task: () => void): () => void {
    return systemClock.schedule(delayMs, task)
  }

  sleep(delayMs: number): Promise<void> {
    return systemClock.sleep(delayMs)
  }

  /** From now on no certificate runs out, however busy the machine is with other things. */
  stop(): void {
    this.#stoppedAt ??= systemClock.monotonic()
  }

  /** As {@link stop}; resolves when each of these, which have this clock, has a certificate. */
  async stopWhenCertified(...instances: readonly Instance[]): Promise<void> {
    this.stop()
    for (const { tiers } of instances) {
      await eventually('it is certified', async () => {
        const { fronts } = await tiers.explain(keyOf('any'))
        return fronts[0]!.certificate !== undefined
      })
    }
  }
}
