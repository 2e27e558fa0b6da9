import { type Found, StoreKey } from '@tidemark/core'
import type { SeededRandom } from '@tidemark/testkit'
import type { SimulatedProcess } from './simulated-process.ts'
import type { World } from './world.ts'

type Operation = (caller: Caller) => Promise<void>

/** Who makes calls on a process, one after the other; several of them make them at once. */
export class Caller {
  readonly world: World
  readonly process: SimulatedProcess
  readonly random: SeededRandom

  constructor(world: World, process: SimulatedProcess) {
    this.world = world
    this.process = process
    this.random = world.random.fork()
  }

  async call(): Promise<void> {
    const invokedAt = this.world.now
    try {
      await this.random.pick(OPERATIONS)(this)
    } catch (error) {
      // The back tier never fails here, so nothing may.
      const what = `failed: ${String(error)}`
      const { name } = this.process
      this.world.history.add({ type: 'trouble', process: name, what, invokedAt, returnedAt: this.world.now })
    }
  }

  anyKey(): string {
    return this.random.pick(this.world.keys)
  }

  /** One that is no counter. */
  plainKey(): string {
    return this.random.pick(this.world.keys.slice(this.world.plan.counters))
  }

  async read(keys: readonly string[], how: { minVersion?: number; consistency?: 'linearizable' } = {}): Promise<void> {
    const { world, process } = this
    const invokedAt = world.now
    const storeKeys = keys.map((key) => StoreKey.of(key))
    const found =
      storeKeys.length === 1
        ? [await process.tiers.readOne(storeKeys[0]!, how)]
        : await process.tiers.read(storeKeys, how)
    for (const [i, answer] of found.entries()) this.#record(keys[i]!, answer, invokedAt, how)
  }

  /** @param key what was written to it, or was deleted */
  async write(
    key: string,
    value: unknown,
    write: (how: { readonly ack: 'bounded' | 'strict' }) => Promise<{
      readonly version: number
      readonly changed?: boolean
      readonly value?: unknown
      readonly tiers: readonly { readonly outcome: string }[]
    }>,
  ): Promise<void> {
    const { world, process } = this
    const invokedAt = world.now
    const ack = this.random.chance(0.1) ? 'strict' : world.plan.ack
    const result = await write({ ack })
    const changed = result.changed ?? true
    world.history.add({
      type: 'write',
      process: process.name,
      key: StoreKey.of(key).id,
      invokedAt,
      returnedAt: world.now,
      version: changed ? result.version : undefined,
      value: 'value' in result ? result.value : value,
      ack,
      applied: result.tiers.every(({ outcome }) => outcome === 'applied'),
    })
    if (changed) process.known.set(key, Math.max(result.version, process.known.get(key) ?? 0))
  }

  #record(
    key: string,
    { entry, asOf, tier }: Found,
    invokedAt: number,
    { minVersion = 0, consistency }: { minVersion?: number; consistency?: string },
  ): void {
    const { world, process } = this
    world.history.add({
      type: 'read',
      process: process.name,
      key: StoreKey.of(key).id,
      invokedAt,
      returnedAt: world.now,
      version: entry?.version,
      asOf,
      value: entry?.payload.read(),
      tier,
      minVersion,
      linearizable: consistency === 'linearizable',
      nearMaxStaleMs: process.nearMaxStaleMs,
    })
  }
}

const get: Operation = (caller) => caller.read([caller.anyKey()])

const getMany: Operation = (caller) =>
  caller.read(caller.random.chance(0.5) ? caller.world.keys : [caller.anyKey(), caller.anyKey()])

/** The version travels from another process, as in a message or a header. */
const getAtLeast: Operation = (caller) => {
  const key = caller.anyKey()
  const other = caller.random.pick(caller.world.processes)
  return caller.read([key], { minVersion: other.known.get(key) ?? 0 })
}

const getLinearizable: Operation = (caller) => caller.read([caller.anyKey()], { consistency: 'linearizable' })

const set: Operation = (caller) => {
  const key = caller.plainKey()
  const value = caller.world.nextValue()
  return caller.write(key, value, (how) => caller.process.store.set(key, value, how))
}

const remove: Operation = (caller) => {
  const key = caller.plainKey()
  return caller.write(key, undefined, async (how) => {
    const { deleted, version, tiers } = await caller.process.store.delete(key, how)
    return { version, tiers, changed: deleted }
  })
}

const count: Operation = (caller) => {
  const { counters } = caller.world.plan
  if (counters === 0) return get(caller)
  const key = caller.random.pick(caller.world.keys.slice(0, counters))
  return caller.write(key, undefined, async (how) => {
    const updated = await caller.process.store.update<number>(key, (n = 0) => n + 1, how)
    return { ...updated, value: updated.new }
  })
}

/** As often as they stand here. */
const OPERATIONS: readonly Operation[] = [
  ...Array.from({ length: 10 }, () => get),
  getMany,
  getMany,
  getAtLeast,
  getLinearizable,
  ...Array.from({ length: 4 }, () => set),
  remove,
  remove,
  count,
  count,
]
