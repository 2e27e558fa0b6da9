import { Gate, type Hold } from '@tidemark/testkit'
import type { WritePolicy } from '../../src/index.ts'
import { type TestedProcess, type TestedTiers, turns } from './tested-tiers.ts'

type Tier = Map<string, unknown>

/**
 * Tiers as konserve has them: reads look into the front and fill it when they are done, writes go to the back tier and then to
 * the front, and a lock per key and process keeps its calls apart. Every hole is in here, to show that its test would see it.
 */
export class NaiveTiers implements TestedTiers {
  readonly #front: Tier
  readonly #back: Tier = new Map()

  constructor(front: Tier = new Map()) {
    this.#front = front
  }

  process(front: 'shared' | 'own' | 'none' = 'shared'): Promise<TestedProcess> {
    const fronts = { shared: this.#front, own: new Map<string, unknown>(), none: undefined }
    return Promise.resolve(new NaiveProcess(fronts[front], this.#back))
  }

  evict(): Promise<void> {
    this.#front.clear()
    return Promise.resolve()
  }

  async inTheEnd(read: () => Promise<unknown>): Promise<unknown> {
    await turns()
    return read()
  }

  successor(): Promise<TestedTiers> {
    return Promise.resolve(new NaiveTiers(this.#front))
  }
}

class NaiveProcess implements TestedProcess {
  readonly #front: Tier | undefined
  readonly #back: Tier
  readonly #locks = new Map<string, Promise<unknown>>()
  readonly #gates: Partial<Record<'fill' | 'apply', Gate>> = {}
  #isCutOff = false

  constructor(front: Tier | undefined, back: Tier) {
    this.#front = front
    this.#back = back
  }

  get(key: string): Promise<unknown> {
    return this.getIn(key, [])
  }

  async getIn(key: string, path: readonly string[]): Promise<unknown> {
    const [found, isMiss] = await this.#locked(key, () => {
      if (this.#front?.has(key) === true) return [at(this.#front.get(key), path), false] as const
      return [at(this.#back.get(key), path), this.#back.has(key)] as const
    })
    // What was asked for is what was found, and the lock is released by now.
    if (isMiss) void this.#toFront('fill', (front) => front.set(key, found))
    return found
  }

  set(key: string, value: unknown, writePolicy: WritePolicy = 'write-through'): Promise<unknown> {
    return this.#locked(key, async () => {
      this.#back.set(key, value)
      if (writePolicy === 'write-around') void this.#toFront('apply', (front) => front.delete(key))
      else await this.#toFront('apply', (front) => front.set(key, value))
    })
  }

  delete(key: string): Promise<unknown> {
    return this.#locked(key, async () => {
      this.#back.delete(key)
      await this.#toFront('apply', (front) => front.delete(key))
    })
  }

  update(key: string, fn: (old: number | undefined) => number): Promise<unknown> {
    return this.#locked(key, async () => {
      const value = fn((this.#front ?? this.#back).get(key) as number | undefined)
      await turns(1)
      this.#back.set(key, value)
      await this.#toFront('apply', (front) => front.set(key, value))
    })
  }

  hold(what: 'fill' | 'apply'): Hold {
    return (this.#gates[what] = new Gate())
  }

  cutOff(): void {
    this.#isCutOff = true
  }

  fullSync(): Promise<void> {
    for (const [key, value] of this.#back) this.#front?.set(key, value)
    return Promise.resolve()
  }

  settled(): Promise<void> {
    return turns()
  }

  async #toFront(what: 'fill' | 'apply', write: (front: Tier) => unknown): Promise<void> {
    await this.#gates[what]?.pass()
    if (!this.#isCutOff && this.#front !== undefined) write(this.#front)
  }

  async #locked<T>(key: string, work: () => T | Promise<T>): Promise<T> {
    const mine = (this.#locks.get(key) ?? Promise.resolve()).then(work)
    this.#locks.set(
      key,
      mine.catch(() => undefined),
    )
    return mine
  }
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, step) => (inner as Record<string, unknown> | undefined)?.[step], value)
}
