import type { ApplyMode, Clock, Fill, Found, Front, LogChange, StoreKey, TierReport } from '@tidemark/core'
import { Repairs } from './repairs.ts'
import { asError, type TierEvents } from './tier-events.ts'

/** One shared front as the tiered store uses it: nothing that it does ever fails a read or a write. */
export class FrontLink {
  readonly name: string
  readonly #front: Front
  readonly #events: TierEvents
  readonly #repairs: Repairs
  /** Fills under way; nobody awaits them, but closing does. */
  readonly #fills = new Set<Promise<unknown>>()

  constructor(front: Front, events: TierEvents, clock: Clock) {
    this.name = front.name
    this.#front = front
    this.#events = events
    this.#repairs = new Repairs(front, events, clock)
  }

  /** What the front knows of the keys, less what is older than a commit of this process that it has not taken yet. */
  async read(keys: readonly StoreKey[]): Promise<readonly (Found | undefined)[]> {
    const repairs = this.#repairs
    const required = (key: StoreKey): number => repairs.requiredVersion(key.id)
    // Asked before and after: the front may have answered before a repair that is done by the time its answer is here.
    const before = repairs.isEmpty ? undefined : keys.map(required)
    let answers: readonly (Found | undefined)[]
    try {
      answers = await this.#front.read(keys)
    } catch (error) {
      this.#report('read', error)
      return keys.map(() => undefined)
    }
    if (before === undefined && repairs.isEmpty) return answers
    return answers.map((found, i) => {
      const version = found && (found.entry?.version ?? found.asOf)
      return version === undefined || version < Math.max(before?.[i] ?? 0, required(keys[i]!)) ? undefined : found
    })
  }

  async apply(changes: readonly LogChange[], mode: ApplyMode): Promise<TierReport> {
    // Before the first await: from now on a read in this process does not accept what these changes replaced.
    this.#repairs.expect(changes)
    try {
      await this.#front.apply(changes, mode)
      this.#repairs.settle(changes)
      return { tier: this.name, outcome: 'applied', error: undefined }
    } catch (error) {
      this.#report('apply', error)
      this.#repairs.begin()
      return { tier: this.name, outcome: 'failed', error: asError(error) }
    }
  }

  /** Offers answers of a lower tier, without waiting. */
  offer(fills: readonly Fill[]): void {
    if (fills.length === 0) return
    const filling = this.fill(fills).finally(() => this.#fills.delete(filling))
    this.#fills.add(filling)
  }

  /** As {@link offer}, but says how many were not refused; undefined: the front failed. */
  async fill(fills: readonly Fill[]): Promise<number | undefined> {
    try {
      const outcomes = await this.#front.fill(fills)
      return outcomes.filter((outcome) => outcome === 'installed').length
    } catch (error) {
      this.#report('fill', error)
      return undefined
    }
  }

  async close(): Promise<void> {
    await this.#repairs.close()
    await Promise.allSettled(this.#fills)
    await this.#front.close()
  }

  #report(call: 'read' | 'apply' | 'fill', error: unknown): void {
    this.#events.emit({ type: 'front-failed', tier: this.name, call, error: asError(error) })
  }
}
