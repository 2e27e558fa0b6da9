import { StoreKey } from '@tidemark/core'
import type { SeededRandom } from '@tidemark/testkit'
import type { ReadEvent } from './history.ts'
import type { SimulatedProcess } from './simulated-process.ts'
import type { World } from './world.ts'

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

  async call(operation: (caller: Caller) => Promise<void>): Promise<void> {
    const invokedAt = this.world.now
    try {
      await operation(this)
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
    const together = keys.length === 1 ? undefined : world.history.events.length
    for (const [i, { entry, asOf, tier }] of found.entries()) {
      const answer = { version: entry?.version, value: entry?.payload.read(), asOf, tier, isSeen: false, together }
      this.note(keys[i]!, answer, invokedAt, how)
    }
  }

  /** @param key what was written or deleted, or, behind a #, the tag that was invalidated */
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
      key: key.startsWith('#') ? key : StoreKey.of(key).id,
      invokedAt,
      returnedAt: world.now,
      version: changed ? result.version : undefined,
      value: 'value' in result ? result.value : value,
      ack,
      applied: result.tiers.every(({ outcome }) => outcome === 'applied'),
    })
    if (changed) process.known.set(key, Math.max(result.version, process.known.get(key) ?? 0))
  }

  note(
    key: string,
    answer: Pick<ReadEvent, 'version' | 'value' | 'asOf' | 'tier' | 'isSeen' | 'together'>,
    invokedAt: number,
    { minVersion = 0, consistency }: { minVersion?: number; consistency?: string } = {},
  ): void {
    const { world, process } = this
    world.history.add({
      type: 'read',
      process: process.name,
      key: StoreKey.of(key).id,
      invokedAt,
      returnedAt: world.now,
      ...answer,
      minVersion,
      linearizable: consistency === 'linearizable',
      maxStaleMs: process.maxStaleMs,
      nearMaxStaleMs: process.nearMaxStaleMs,
    })
  }
}
