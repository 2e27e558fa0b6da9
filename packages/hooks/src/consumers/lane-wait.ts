import type { Clock } from '@tidemark/core'

/** What a lane waits with: its waits end early when it is to end, and some of them when it is to look around. */
export class LaneWait {
  readonly #clock: Clock
  #isEnding = false
  #isPoked = false
  #wake: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get isEnding(): boolean {
    return this.#isEnding
  }

  end(): void {
    this.#isEnding = true
    this.#wake?.()
  }

  /** The wait under way ends, or else the next one does at once. */
  poke(): void {
    this.#isPoked = true
    this.#wake?.()
  }

  /** Work that can wait, until it is done, or something happens: undefined. It must be ready to be asked again then. */
  async during<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    const controller = new AbortController()
    if (this.#isEnding || this.#isPoked) controller.abort()
    this.#isPoked = false
    this.#wake = () => controller.abort()
    try {
      return await work(controller.signal)
    } catch (error) {
      if (controller.signal.aborted && error === controller.signal.reason) return undefined
      throw error
    } finally {
      this.#wake = undefined
    }
  }

  /** Until it is to look around, or to end. */
  async poked(): Promise<void> {
    await this.during((signal) => {
      return new Promise<void>((resolve) => {
        if (signal.aborted) resolve()
        else signal.addEventListener('abort', () => resolve())
      })
    })
  }

  /** For so long, or until it is to end. */
  async pause(ms: number): Promise<void> {
    if (this.#isEnding) return
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.schedule(ms, resolve)
      this.#wake = () => {
        if (!this.#isEnding) return
        cancel()
        resolve()
      }
    })
    this.#wake = undefined
  }
}
