import type { Clock } from '@tidemark/core'
import type { AutosaveOptions } from './states-options.ts'

/** Calls for a save again and again, and at the end. */
export class Autosave {
  readonly #clock: Clock
  readonly #everyMs: number | undefined
  readonly #save: () => Promise<void>
  readonly #takeBack: () => void
  #cancel = (): void => {}
  #isStopped = false

  /** @param save tells by itself what it fails with */
  constructor({ everyMs, exit }: AutosaveOptions, clock: Clock, save: () => Promise<void>) {
    this.#clock = clock
    this.#everyMs = everyMs
    this.#save = save
    this.#takeBack = exit?.onExit(save) ?? ((): void => {})
    this.#schedule()
  }

  stop(): void {
    this.#isStopped = true
    this.#takeBack()
    this.#cancel()
  }

  /** Never two at once: the time counts from the end of the one before. */
  #schedule(): void {
    if (this.#everyMs === undefined || this.#isStopped) return
    this.#cancel = this.#clock.schedule(this.#everyMs, () => void this.#run())
  }

  async #run(): Promise<void> {
    await this.#save().catch(() => undefined)
    this.#schedule()
  }
}
