import type { Caller } from './caller.ts'

export type Operation = (caller: Caller) => Promise<void>

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
export const OPERATIONS: readonly Operation[] = [
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
