import type { Socket } from 'node:net'

/** One direction of a connection: passes bytes on in order, late where it is told to, or not until it is told to. */
export class Pipe {
  readonly #to: Socket
  readonly #waiting: { readonly bytes: Buffer; readonly due: number }[] = []
  #isHeld = false
  #delayMs = 0
  #timer: NodeJS.Timeout | undefined
  #whenEmpty: (() => void) | undefined

  constructor(from: Socket, to: Socket) {
    this.#to = to
    from.on('data', (bytes) => {
      this.#waiting.push({ bytes, due: performance.now() + this.#delayMs })
      this.#pass()
    })
    to.on('close', () => clearTimeout(this.#timer))
  }

  set delayMs(delayMs: number) {
    this.#delayMs = delayMs
  }

  /** Calls back once everything that was sent until now has been passed on. */
  whenEmpty(then: () => void): void {
    this.#whenEmpty = then
    this.#pass()
  }

  hold(): void {
    this.#isHeld = true
  }

  /** What was held arrives now. */
  release(): void {
    this.#isHeld = false
    this.#pass()
  }

  #pass(): void {
    clearTimeout(this.#timer)
    while (!this.#isHeld) {
      const [first] = this.#waiting
      if (first === undefined) {
        this.#whenEmpty?.()
        return
      }
      const wait = first.due - performance.now()
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#pass(), wait)
        return
      }
      this.#waiting.shift()
      if (this.#to.writable) this.#to.write(first.bytes)
    }
  }
}
