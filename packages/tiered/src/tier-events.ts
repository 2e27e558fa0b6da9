import { type Observable, Subject } from 'rxjs'
import type { StartReason } from './shared/diagnosis.ts'

/**
 * Why a shared front is not read. `unreachable`: it does not answer · `behind`: it has not been proven to know every
 * change lately · `starting`: it starts anew · `displaced`: another server is agreed on · `suspended`: writers could not
 * reach it and do not wait for it
 */
export type BypassReason = 'unreachable' | 'behind' | 'starting' | 'displaced' | 'suspended'

/** What happened to a tier that no caller's promise tells. */
export type TierEvent =
  /** A shared front serves reads again. */
  | { readonly type: 'front-serving'; readonly tier: string }
  /** Reads go past a shared front until it serves again; commits are durable all the same. */
  | {
      readonly type: 'front-bypassed'
      readonly tier: string
      readonly reason: BypassReason
      readonly error: Error | undefined
    }
  /** A shared front was emptied, as one step, and started at the head of the log. */
  | { readonly type: 'front-started'; readonly tier: string; readonly reason: StartReason }
  /** A call to a front failed: reads went to the tier below, writes are repaired from the log. */
  | {
      readonly type: 'front-failed'
      readonly tier: string
      readonly call: 'read' | 'apply' | 'fill' | 'follow'
      readonly error: Error
    }
  /** A shared front has no room for more: it holds nothing that is new to it, and still lets go of what is replaced. */
  | { readonly type: 'front-full'; readonly tier: string; readonly error: Error }
  /** For some seconds, a shared front that was full has taken everything that it was given. */
  | { readonly type: 'front-has-room'; readonly tier: string }
  /** The near front was emptied, because the log was too far ahead to be followed change by change, or restored. */
  | { readonly type: 'near-restarted'; readonly tier: string; readonly behind: number }
  /** Following the log failed; it is tried again. */
  | { readonly type: 'follow-failed'; readonly tier: string; readonly error: Error }

/** The hot stream of these events. What a subscriber throws never reaches the store: rxjs throws it again from a timer. */
export class TierEvents {
  readonly #subject = new Subject<TierEvent>()
  readonly events$: Observable<TierEvent> = this.#subject.asObservable()

  emit(event: TierEvent): void {
    this.#subject.next(event)
  }

  close(): void {
    this.#subject.complete()
  }
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown })
}
