import { type Observable, Subject } from 'rxjs'

/** What happened to a tier that no caller's promise tells. */
export type TierEvent =
  | {
      /** A call to a front failed: reads went to the tier below, writes stay to be repaired there. */
      readonly type: 'front-failed'
      readonly tier: string
      readonly call: 'read' | 'apply' | 'fill' | 'repair'
      readonly error: Error
    }
  /** A front took everything that it had missed. */
  | { readonly type: 'front-repaired'; readonly tier: string; readonly keys: number }
  /** The near front was emptied, because the log was too far ahead to be followed change by change. */
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
