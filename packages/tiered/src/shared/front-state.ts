import { asError, type BypassReason, type TierEvents } from '../tier-events.ts'

/** Whether a shared front is read, and what is told of it: each transition once, and each trouble once until it is over. */
export class FrontState {
  readonly #name: string
  readonly #events: TierEvents
  #bypassed: BypassReason | undefined = 'unreachable'
  /** Not yet, at the start: that it is not connected before it is connected is no news. */
  #isTold = false
  readonly #troubles = new Set<string>()

  constructor(name: string, events: TierEvents) {
    this.#name = name
    this.#events = events
  }

  /** undefined: it is read. */
  get bypassed(): BypassReason | undefined {
    return this.#bypassed
  }

  serve(): void {
    this.recover('follow')
    if (this.#bypassed === undefined) return
    this.#bypassed = undefined
    this.#isTold = true
    this.#events.emit({ type: 'front-serving', tier: this.#name })
  }

  bypass(reason: BypassReason, error?: Error): void {
    if (this.#bypassed === reason && (this.#isTold || error === undefined)) return
    this.#bypassed = reason
    this.#isTold = true
    this.#events.emit({ type: 'front-bypassed', tier: this.#name, reason, error })
  }

  /** A call failed. Told once, until one of its kind has succeeded: writers come by the thousand. */
  fail(call: 'read' | 'apply' | 'fill' | 'follow', thrown: unknown): Error {
    const error = asError(thrown)
    if (!this.#troubles.has(call)) {
      this.#troubles.add(call)
      this.#events.emit({ type: 'front-failed', tier: this.#name, call, error })
    }
    return error
  }

  /** A call succeeded. */
  recover(call: 'read' | 'apply' | 'fill' | 'follow'): void {
    if (this.#troubles.size > 0) this.#troubles.delete(call)
  }
}
