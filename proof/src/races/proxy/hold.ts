import { Gate } from '../waiting.ts'

/** Keeps back the first command that contains a text, or the reply to it, with all that follows on that connection. */
export class Hold {
  readonly what: 'command' | 'reply'
  readonly text: string
  readonly #caught = new Gate()
  #pass: (() => void) | undefined
  #isReleased = false

  constructor(what: 'command' | 'reply', text: string) {
    this.what = what
    this.text = text
  }

  /** Resolves when something is kept back. For replies: when the server has done what it was asked. */
  get caught(): Promise<void> {
    return this.#caught.opened
  }

  get isCaught(): boolean {
    return this.#pass !== undefined
  }

  /** @internal */
  reached(pass: () => void): void {
    if (this.#isReleased) return pass()
    this.#pass = pass
    this.#caught.open()
  }

  release(): void {
    this.#isReleased = true
    this.#pass?.()
    this.#pass = undefined
  }
}
