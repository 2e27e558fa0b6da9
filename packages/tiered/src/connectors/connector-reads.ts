import { Batcher, Payload, type StoreKey } from '@tidemark/core'
import type { MetricCounters } from '../write-behind/metrics.ts'
import type { BoundedConnector } from './bounded-connector.ts'
import type { ResolvedBuffered } from './buffered-options.ts'
import type { Query } from './connector.ts'
import type { Kept } from './kept-write.ts'
import { type Cached, ReadCache } from './read-cache.ts'

/** So many values are read at once. */
const MAX_QUERIES = 1_000

/** A read of connectors under way. */
interface Flight {
  readonly landed: Promise<Payload | undefined>
  /** What it brings may be remembered: nobody has written the key meanwhile. */
  isCurrent: boolean
}

type Answer = { readonly value: unknown } | { readonly error: unknown }

export interface ConnectorReadsParts<A> {
  readonly options: ResolvedBuffered<A>
  readonly asked: () => readonly BoundedConnector<A>[]
  /** The latest acknowledged write that a connector is still to get. */
  readonly waiting: (id: string) => Kept | undefined
  readonly onEvict: (id: string) => void
  readonly metrics: MetricCounters
}

/** What is read: what waits to be flushed, what is remembered, what the connectors have, what `load` makes; in this order. */
export class ConnectorReads<A> {
  readonly #parts: ConnectorReadsParts<A>
  readonly #cache: ReadCache
  readonly #flights = new Map<string, Flight>()
  readonly #batcher: Batcher<Query<A>, Answer>

  constructor(parts: ConnectorReadsParts<A>) {
    this.#parts = parts
    this.#cache = new ReadCache(parts.options.cache, parts.onEvict)
    this.#batcher = new Batcher({ run: (queries) => this.#ask(queries), maxItems: MAX_QUERIES })
  }

  async value(key: StoreKey, args: A): Promise<unknown> {
    const { payload } = await this.find(key, args)
    return payload && this.#cache.handOut(key.id, payload, payload.read())
  }

  find(key: StoreKey, args: A): Cached | Promise<Cached> {
    const waiting = this.#parts.waiting(key.id)
    const isDeleted = waiting?.key !== undefined && waiting.payload === undefined
    // What is deleted is what no connector has: it is loaded as that is.
    if (waiting?.key !== undefined && (!isDeleted || this.#parts.options.load === undefined)) return waiting
    const cached = this.#cache.get(key.id)
    if (cached !== undefined) return cached
    const flight = this.#flights.get(key.id) ?? this.#fly(key, args, isDeleted)
    return flight.landed.then((payload) => ({ payload }))
  }

  /** A write of the key is the latest one. */
  wrote(id: string, payload: Payload | undefined): void {
    if (payload === undefined && this.#parts.options.load !== undefined) return this.forget(id)
    this.#overtake(id)
    this.#cache.put(id, payload)
  }

  /** What is known of the key is not what the connectors have. */
  forget(id: string): void {
    this.#overtake(id)
    this.#cache.forget(id)
  }

  /** Resolves when no read is under way that has begun before. */
  async landed(): Promise<void> {
    await Promise.allSettled(Array.from(this.#flights.values(), ({ landed }) => landed))
  }

  #overtake(id: string): void {
    const flight = this.#flights.get(id)
    if (flight !== undefined) flight.isCurrent = false
    this.#flights.delete(id)
  }

  #fly(key: StoreKey, args: A, isAbsent: boolean): Flight {
    const landed = this.#read(key, copyOf(key, args, this.#parts.options), isAbsent).finally(() =>
      this.#land(key, flight),
    )
    const flight: Flight = { isCurrent: true, landed }
    landed.then(
      (payload) => {
        if (flight.isCurrent) this.#cache.put(key.id, payload)
      },
      () => undefined,
    )
    this.#flights.set(key.id, flight)
    return flight
  }

  #land({ id }: StoreKey, flight: Flight): void {
    if (this.#flights.get(id) === flight) this.#flights.delete(id)
  }

  async #read(key: StoreKey, args: A, isAbsent: boolean): Promise<Payload | undefined> {
    const { options, metrics } = this.#parts
    const read = isAbsent ? undefined : await this.#fetch(key, args, metrics)
    const value = read === undefined ? await options.load?.(args) : read
    return value === undefined ? undefined : Payload.encode(options.codec, value)
  }

  async #fetch(key: StoreKey, args: A, metrics: MetricCounters): Promise<unknown> {
    metrics.count('reads', key.id)
    const answer = await this.#batcher.add({ key: key.tuple, args })
    if ('error' in answer) throw answer.error
    return answer.value
  }

  async #ask(queries: readonly Query<A>[]): Promise<readonly Answer[]> {
    const asked = await Promise.allSettled(this.#parts.asked().map((connector) => connector.read(queries)))
    return queries.map(({ args }, i) => {
      try {
        return { value: this.#merged(asked, i, args) }
      } catch (error) {
        return { error }
      }
    })
  }

  /** @throws where what a connector that has not answered might have would count: it is never taken for absent */
  #merged(asked: readonly PromiseSettledResult<readonly unknown[]>[], i: number, args: A): unknown {
    const { merge } = this.#parts.options
    const values: unknown[] = []
    for (const each of asked) {
      if (each.status === 'rejected') throw each.reason
      const value = each.value[i]
      if (merge === undefined && value !== undefined) return value
      values.push(value)
    }
    return merge?.(values, args)
  }
}

/** The caller may change the arguments while they are asked for. */
export function copyOf<A>(key: StoreKey, args: A, { keyOf, codec }: ResolvedBuffered<A>): A {
  if (keyOf !== undefined) return Payload.encode(codec, args).read() as A
  return Array.isArray(args) ? (key.tuple as A) : args
}
