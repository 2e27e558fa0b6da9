import { type Hold, type RedisServer, eventually } from '@tidemark/testkit'
import { lastValueFrom } from 'rxjs'
import type { WritePolicy } from '../../src/index.ts'
import { Fleet, type Instance } from '../support/fleet.ts'
import { type TestedProcess, type TestedTiers, turns } from './tested-tiers.ts'

/** Ours: instances over one SQLite file, and Redis. */
export class OurTiers implements TestedTiers {
  readonly #server: RedisServer
  readonly #fleet: Fleet

  constructor(server: RedisServer, namespace?: string) {
    this.#server = server
    this.#fleet = new Fleet(server)
    if (namespace !== undefined) Object.assign(this.#fleet, { namespace })
  }

  async process(front: 'shared' | 'own' | 'none' = 'shared'): Promise<TestedProcess> {
    return new OurProcess(await this.#fleet.open({ redis: front === 'shared', near: front === 'own' }))
  }

  evict(): Promise<void> {
    return this.#fleet.evictAll()
  }

  async inTheEnd(read: () => Promise<unknown>, wanted: unknown): Promise<unknown> {
    await eventually('it is read in the end', async () => (await read()) === wanted)
    return read()
  }

  successor(): Promise<TestedTiers> {
    return Promise.resolve(new OurTiers(this.#server, this.#fleet.namespace))
  }
}

class OurProcess implements TestedProcess {
  readonly #instance: Instance

  constructor(instance: Instance) {
    this.#instance = instance
  }

  get(key: string): Promise<unknown> {
    return this.#instance.store.get(key)
  }

  getIn(key: string, path: readonly string[]): Promise<unknown> {
    return this.#instance.store.getIn(key, path)
  }

  set(key: string, value: unknown, writePolicy?: WritePolicy): Promise<unknown> {
    return this.#instance.store.set(key, value, { writePolicy })
  }

  delete(key: string): Promise<unknown> {
    return this.#instance.store.delete(key)
  }

  update(key: string, fn: (old: number | undefined) => number): Promise<unknown> {
    return this.#instance.store.update<number>(key, fn)
  }

  hold(what: 'fill' | 'apply'): Hold {
    return this.#instance.front.hold(what)
  }

  cutOff(): void {
    this.#instance.front.inject(({ method }) => (method === 'apply' ? 'drop-before' : undefined))
  }

  async fullSync(): Promise<void> {
    await lastValueFrom(this.#instance.tiers.warm('mirror'))
  }

  async settled(): Promise<void> {
    await turns()
    // On the same connection, and so after it.
    await this.#instance.front.look()
  }
}
