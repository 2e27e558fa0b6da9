import { setTimeout as sleep } from 'node:timers/promises'

/** Whom it may kill. */
export interface Victim {
  readonly instance: number
  /** It is about to be killed. */
  left(): void
  /** It was started anew. */
  cameBack(url: string): Promise<void>
}

export interface KillerOptions {
  /** In this order, over and over. */
  readonly victims: readonly Victim[]
  /** Kills an instance and starts it anew; resolves with where it serves then. */
  readonly restart: (instance: number) => Promise<string>
  /** An instance did not come back. */
  readonly onFailure: (message: string) => void
}

/** Between the return of one instance and the end of the next one: there is to be some work that can be interrupted. */
const CALM_MS = 1_500

/** Kills one process after the other (-9) while they are at work, and starts each anew: never two at once, so that somebody answers. */
export class Killer {
  readonly #options: KillerOptions
  #kills = 0

  constructor(options: KillerOptions) {
    this.#options = options
  }

  get kills(): number {
    return this.#kills
  }

  /** Resolves when `signal` has aborted and everybody is back. */
  async run(signal: AbortSignal): Promise<void> {
    const { victims, restart, onFailure } = this.#options
    for (let next = 0; ; next = (next + 1) % victims.length) {
      await sleep(CALM_MS, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      const victim = victims[next]!
      victim.left()
      this.#kills++
      try {
        await victim.cameBack(await restart(victim.instance))
      } catch (error) {
        // Whoever waits for it to come back would wait for ever.
        return onFailure((error as Error).message)
      }
    }
  }
}
