import { setTimeout as delay } from 'node:timers/promises'

const LOOK_EVERY_MS = 5

/** Whether the condition came true in time. */
export async function within(ms: number, condition: () => boolean | Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > deadline) return false
    await delay(LOOK_EVERY_MS)
  }
  return true
}

/** What a promise came to in time. */
export type Settled =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'error'; readonly error: unknown }
  | { readonly kind: 'pending' }

export async function settled(promise: Promise<unknown>, ms: number): Promise<Settled> {
  const cancel = new AbortController()
  const late = delay(ms, { kind: 'pending' } as const, { signal: cancel.signal }).catch(
    () => ({ kind: 'pending' }) as const,
  )
  const done = promise.then(
    (value) => ({ kind: 'value', value }) as const,
    (error: unknown) => ({ kind: 'error', error }) as const,
  )
  const first = await Promise.race([done, late])
  cancel.abort()
  return first
}

/** Until the wall clock shows this time. */
export async function wallClock(at: number): Promise<void> {
  while (Date.now() < at) await delay(Math.max(1, at - Date.now()))
}

/** Something that is opened once. */
export class Gate {
  readonly #opened = Promise.withResolvers<void>()

  get opened(): Promise<void> {
    return this.#opened.promise
  }

  open(): void {
    this.#opened.resolve()
  }
}
