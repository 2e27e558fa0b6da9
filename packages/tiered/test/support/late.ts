import type { FaultyFront, FrontMethod } from '@tidemark/testkit'

/** One call that is still on its way. */
export interface LateCall {
  /** Resolves when the call has set out. */
  readonly sent: Promise<void>
  /** Lets it arrive, and resolves when it was executed. */
  arrive(): Promise<void>
}

/** The next calls of the method are on their way until they are let arrive; `thereafter` lets later ones pass. */
export function late(front: FaultyFront, method: FrontMethod): LateCall & { thereafter(): void } {
  const before = front.hold(method)
  const after = front.hold(method, 'after')
  return {
    sent: before.arrived(),
    thereafter() {
      front.hold(method).release()
      front.hold(method, 'after').release()
    },
    async arrive() {
      before.release()
      await after.arrived()
      after.release()
    },
  }
}
