import {
  type ApplyMode,
  type Fill,
  type Found,
  type Front,
  type FrontOutcome,
  type LogChange,
  type StoreKey,
  TidemarkError,
} from '@tidemark/core'

export type FrontMethod = 'read' | 'apply' | 'fill' | 'clear'

export interface FrontCall {
  readonly method: FrontMethod
  /** How many calls of this method came before. */
  readonly nth: number
}

/** `drop-before`: the call never arrives · `drop-after`: it is executed, and the reply is lost. */
export type FrontFault = 'drop-before' | 'drop-after'

/** Which fault a call meets; undefined: none. */
export type FaultPlan = (call: FrontCall) => FrontFault | undefined

/** Calls that were stopped on their way. */
export interface Hold {
  /** Resolves when this many calls have been stopped. */
  arrived(count?: number): Promise<void>
  /** Lets everything through: what was stopped, in the order in which it came, and what comes. */
  release(): void
}

/** A front behind a network that a test rules. */
export interface FaultyFront extends Front {
  /** Replaces the plan; without one, nothing is dropped. */
  inject(plan: FaultPlan | undefined): void
  /** Stops calls of the method: `before` they are executed, or `after`, so that only the reply is late. @default 'before' */
  hold(method: FrontMethod, where?: 'before' | 'after'): Hold
}

/** Wraps a real front. */
export function faultyFront(front: Front, plan?: FaultPlan): FaultyFront {
  return new Faulty(front, plan)
}

class Faulty implements FaultyFront {
  readonly name: string
  readonly #front: Front
  readonly #counts = new Map<FrontMethod, number>()
  readonly #gates = new Map<string, Gate>()
  #plan: FaultPlan | undefined

  constructor(front: Front, plan: FaultPlan | undefined) {
    this.name = front.name
    this.#front = front
    this.#plan = plan
  }

  inject(plan: FaultPlan | undefined): void {
    this.#plan = plan
  }

  hold(method: FrontMethod, where: 'before' | 'after' = 'before'): Hold {
    const gate = new Gate()
    this.#gates.set(`${where} ${method}`, gate)
    return gate
  }

  read(keys: readonly StoreKey[]): Promise<readonly (Found | undefined)[]> {
    return this.#call('read', () => this.#front.read(keys))
  }

  apply(changes: readonly LogChange[], mode: ApplyMode): Promise<readonly FrontOutcome[]> {
    return this.#call('apply', () => this.#front.apply(changes, mode))
  }

  fill(fills: readonly Fill[]): Promise<readonly FrontOutcome[]> {
    return this.#call('fill', () => this.#front.fill(fills))
  }

  clear(): Promise<void> {
    return this.#call('clear', () => this.#front.clear())
  }

  close(): Promise<void> {
    return this.#front.close()
  }

  async #call<T>(method: FrontMethod, execute: () => Promise<T>): Promise<T> {
    const nth = this.#counts.get(method) ?? 0
    this.#counts.set(method, nth + 1)
    const fault = this.#plan?.({ method, nth })
    await this.#gates.get(`before ${method}`)?.pass()
    if (fault === 'drop-before') throw this.#lost(method)
    const answer = await execute()
    await this.#gates.get(`after ${method}`)?.pass()
    if (fault === 'drop-after') throw this.#lost(method)
    return answer
  }

  #lost(method: FrontMethod): TidemarkError {
    return new TidemarkError('FRONT_UNAVAILABLE', `${method} was dropped by a test`, {
      tier: this.name,
      retryable: true,
    })
  }
}

class Gate implements Hold {
  #isOpen = false
  #stopped: (() => void)[] = []
  #count = 0
  #watchers: { readonly count: number; readonly resolve: () => void }[] = []

  pass(): Promise<void> {
    if (this.#isOpen) return Promise.resolve()
    this.#count++
    for (const { count, resolve } of this.#watchers) if (count <= this.#count) resolve()
    return new Promise((resolve) => this.#stopped.push(resolve))
  }

  arrived(count = 1): Promise<void> {
    if (this.#count >= count) return Promise.resolve()
    return new Promise((resolve) => this.#watchers.push({ count, resolve }))
  }

  release(): void {
    this.#isOpen = true
    for (const go of this.#stopped) go()
    this.#stopped = []
  }
}
