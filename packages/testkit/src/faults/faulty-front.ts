import {
  type ApplyMode,
  type Fill,
  type Found,
  type FrontInspection,
  type FrontLook,
  type FrontOutcome,
  type FrontRecordPage,
  type FrontSession,
  type FrontStart,
  type LogChange,
  type SharedFront,
  type SharedTailStep,
  type StoreKey,
  TidemarkError,
} from '@tidemark/core'
import { Gate, type Hold } from './gate.ts'

export type FrontMethod = 'look' | 'read' | 'apply' | 'fill' | 'tail' | 'initialize' | 'discard' | 'inspect' | 'records'

export interface FrontCall {
  readonly method: FrontMethod
  /** How many calls of this method came before. */
  readonly nth: number
}

/** `drop-before`: the call never arrives · `drop-after`: it is executed, and the reply is lost. */
export type FrontFault = 'drop-before' | 'drop-after'

/** Which fault a call meets; undefined: none. */
export type FaultPlan = (call: FrontCall) => FrontFault | undefined

/** A front behind a network that a test rules. */
export interface FaultyFront extends SharedFront {
  /** Replaces the plan; without one, nothing is dropped. */
  inject(plan: FaultPlan | undefined): void
  /** Stops calls of the method: `before` they are executed, or `after`, so that only the reply is late. @default 'before' */
  hold(method: FrontMethod, where?: 'before' | 'after'): Hold
}

/** Wraps a real front. What it knows without asking its server (its session) passes. */
export function faultyFront(front: SharedFront, plan?: FaultPlan): FaultyFront {
  return new Faulty(front, plan)
}

class Faulty implements FaultyFront {
  readonly name: string
  readonly agreedAs: string
  readonly #front: SharedFront
  readonly #counts = new Map<FrontMethod, number>()
  readonly #gates = new Map<string, Gate>()
  #plan: FaultPlan | undefined

  constructor(front: SharedFront, plan: FaultPlan | undefined) {
    this.name = front.name
    this.agreedAs = front.agreedAs
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

  get session(): FrontSession | undefined {
    return this.#front.session
  }

  look(): Promise<FrontLook> {
    return this.#call('look', () => this.#front.look())
  }

  read(keys: readonly StoreKey[], session: FrontSession): Promise<readonly (Found | undefined)[]> {
    return this.#call('read', () => this.#front.read(keys, session))
  }

  apply(changes: readonly LogChange[], mode: ApplyMode): Promise<readonly FrontOutcome[]> {
    return this.#call('apply', () => this.#front.apply(changes, mode))
  }

  fill(fills: readonly Fill[]): Promise<readonly FrontOutcome[]> {
    return this.#call('fill', () => this.#front.fill(fills))
  }

  tail(step: SharedTailStep): Promise<number | undefined> {
    return this.#call('tail', () => this.#front.tail(step))
  }

  initialize(start: () => Promise<FrontStart>, seen?: Pick<FrontSession, 'epoch'>): Promise<boolean> {
    return this.#call('initialize', () => this.#front.initialize(start, seen))
  }

  discard(keys: readonly StoreKey[]): Promise<void> {
    return this.#call('discard', () => this.#front.discard(keys))
  }

  inspect(key: StoreKey): Promise<FrontInspection> {
    return this.#call('inspect', () => this.#front.inspect(key))
  }

  records(cursor: string | undefined, limit: number): Promise<FrontRecordPage> {
    return this.#call('records', () => this.#front.records(cursor, limit))
  }

  reconnect(): void {
    this.#front.reconnect()
  }

  onSession(listener: (session: FrontSession | undefined) => void): () => void {
    return this.#front.onSession(listener)
  }

  onRoom(listener: (refusal: TidemarkError | undefined) => void): () => void {
    return this.#front.onRoom(listener)
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
