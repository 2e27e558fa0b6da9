import { Gate } from './waiting.ts'

/** A loader that has read its value already and is kept from returning it until it is released. */
export class HeldLoader {
  readonly #value: unknown
  readonly #started = new Gate()
  readonly #released = new Gate()
  #calls = 0

  constructor(value: unknown) {
    this.#value = value
  }

  readonly load = async (): Promise<unknown> => {
    this.#calls++
    this.#started.open()
    await this.#released.opened
    return this.#value
  }

  get started(): Promise<void> {
    return this.#started.opened
  }

  get calls(): number {
    return this.#calls
  }

  release(): void {
    this.#released.open()
  }
}
