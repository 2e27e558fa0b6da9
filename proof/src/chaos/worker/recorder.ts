import { setTimeout as delay } from 'node:timers/promises'
import { nowMicros } from '../clock.ts'
import type { ReadVia, WriteAck, WriteOp } from '../history/events.ts'
import type { HistoryWriter } from '../history/history-writer.ts'
import type { WritePolicy } from 'tidemark'
import { nameOfTag } from '../keys.ts'
import { type ChaosValue, hashOf, makeValue } from '../payload.ts'
import { LoaderError, type LoadPlan } from './load-plan.ts'
import type { Subject } from './subject.ts'
import { tierSince } from './tier-watch.ts'

/** Calls a store and writes down what happened, each time as one process sees it. No method rejects. */
export class Recorder {
  readonly #subject: Subject
  readonly #session: string
  readonly #history: HistoryWriter
  #writes = 0
  #loads = 0
  #ops = 0

  constructor(subject: Subject, session: string, history: HistoryWriter) {
    this.#subject = subject
    this.#session = session
    this.#history = history
  }

  /** Calls that have returned. */
  get ops(): number {
    return this.#ops
  }

  get(key: string): Promise<void> {
    return this.#read('get', [key], async () => {
      const value = await this.#subject.get(key)
      return () => value && { value, version: undefined }
    })
  }

  entry(key: string, via: 'entry' | 'linearizable' | 'last'): Promise<void> {
    return this.#read(via, [key], async () => {
      const entry = await this.#subject.entry(key, via === 'linearizable')
      return () => entry
    })
  }

  getMany(keys: readonly string[]): Promise<void> {
    return this.#read('getMany', keys, async () => {
      const valueOf = await this.#subject.getMany(keys)
      return (key) => {
        const value = valueOf(key)
        return value && { value, version: undefined }
      }
    })
  }

  /** What is absent is loaded, as planned, where no other call of any process does so. */
  async getOrSet(key: string, plan: LoadPlan): Promise<void> {
    const session = this.#session
    const { tags, negativeTtlMs } = plan
    let own: string | undefined
    const load = async (): Promise<ChaosValue | undefined> => {
      const startedAt = nowMicros()
      const id = `${session}:load${++this.#loads}`
      own = id
      const { outcome } = plan
      const value = outcome === 'value' ? makeValue(id, 0, plan.bodyLength, tags) : undefined
      this.#history.add({ kind: 'load', session, key, id, startedAt, outcome, hash: value && hashOf(value) })
      // As with a write: what may be in the log must be known to have been loaded.
      this.#history.flush()
      await delay(plan.takesMs)
      if (outcome === 'error') throw new LoaderError(id)
      return value
    }
    await this.#read('getOrSet', [key], async () => {
      const value = await this.#subject.getOrSet(key, load, { tags, negativeTtlMs })
      if (own !== undefined && value?.id === own) this.#history.add({ kind: 'loaded', id: own, return: nowMicros() })
      return () => value && { value, version: undefined }
    })
  }

  set(key: string, bodyLength: number, policy: WritePolicy, tags: readonly string[]): Promise<void> {
    return this.#write('set', key, async (id) => {
      const { version, tiers } = await this.#subject.set(key, makeValue(id, 0, bodyLength, tags), policy)
      return { version, changed: true, applied: tiers.every(hasApplied), replaced: undefined }
    })
  }

  delete(key: string, policy: WritePolicy): Promise<void> {
    return this.#write('delete', key, async () => {
      const { version, deleted, tiers } = await this.#subject.delete(key, policy)
      return { version, changed: deleted, applied: tiers.every(hasApplied), replaced: undefined }
    })
  }

  invalidate(tag: string): Promise<void> {
    return this.#write('invalidate', nameOfTag(tag), async () => {
      const { version, tiers } = await this.#subject.invalidateTag(tag)
      return { version, changed: true, applied: tiers.every(hasApplied), replaced: undefined }
    })
  }

  increment(key: string, bodyLength: number, policy: WritePolicy): Promise<void> {
    return this.#write('increment', key, async (id) => {
      const increment = (old: ChaosValue | undefined): ChaosValue => makeValue(id, (old?.count ?? 0) + 1, bodyLength)
      const { version, tiers, old } = await this.#subject.update(key, increment, policy)
      return { version, changed: true, applied: tiers.every(hasApplied), replaced: old?.id }
    })
  }

  /** What the store reports beside its promises. */
  background(error: unknown): void {
    const now = nowMicros()
    this.#fail('background', '', error, now, now)
  }

  async #read(
    via: ReadVia,
    keys: readonly string[],
    call: () => Promise<
      (key: string) => { readonly value: ChaosValue; readonly version: number | undefined } | undefined
    >,
  ): Promise<void> {
    const before = this.#subject.hits()
    const invoke = nowMicros()
    try {
      const answer = await call()
      const returned = nowMicros()
      const tier = tierSince(before, this.#subject.hits())
      for (const key of keys) {
        const found = answer(key)
        this.#history.add({
          kind: 'read',
          session: this.#session,
          key,
          via,
          invoke,
          return: returned,
          id: found?.value.id,
          hash: found && hashOf(found.value),
          version: found?.version,
          tier,
        })
      }
    } catch (error) {
      this.#fail(via, keys.join(' '), error, invoke, nowMicros())
    }
    this.#ops++
  }

  async #write(op: WriteOp, key: string, call: (id: string) => Promise<Omit<WriteAck, 'return'>>): Promise<void> {
    const id = `${this.#session}:${++this.#writes}`
    const invoke = nowMicros()
    this.#history.add({ kind: 'begin', session: this.#session, key, op, id, invoke })
    // Before the call: what may be in the log must be known to have been begun.
    this.#history.flush()
    try {
      const ack = await call(id)
      this.#history.add({ kind: 'ack', id, return: nowMicros(), ...ack })
    } catch (error) {
      this.#fail(op, key, error, invoke, nowMicros())
    }
    this.#ops++
  }

  #fail(op: WriteOp | ReadVia | 'background', key: string, error: unknown, invoke: number, returned: number): void {
    const { name, message, code = name } = error as Error & { readonly code?: string }
    this.#history.add({ kind: 'failure', session: this.#session, op, key, code, message, invoke, return: returned })
  }
}

function hasApplied({ outcome }: { readonly outcome: string }): boolean {
  return outcome === 'applied'
}
