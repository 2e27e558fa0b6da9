import { StoreKey } from '@tidemark/core'
import type { Caller } from './caller.ts'
import type { LoaderEvent } from './history.ts'
import { LoaderFailure } from './loader-failure.ts'
import type { Operation } from './operations.ts'

/** Longer than any run: expiry is no change of the log, so the checker could not follow it. */
const FOR_EVER_MS = 1e9

const someTags = ({ random, world }: Caller): readonly string[] => world.tags.filter(() => random.chance(0.6))

const loadedKey = ({ random, world }: Caller): string => random.pick(world.loadedKeys)

/** Loads what is absent. */
const getOrSet: Operation = async (caller) => {
  const { world, process, random } = caller
  const key = loadedKey(caller)
  const tags = someTags(caller)
  const negativeTtlMs = random.chance(0.5) ? FOR_EVER_MS : 0
  const what = { key, tags, fails: random.chance(0.15), finds: random.chance(0.9), takesMs: timeOf(caller) }
  const invokedAt = world.now
  const record = (outcome: 'found' | 'absent' | 'failed', value: unknown, error?: unknown): void =>
    world.history.add({
      type: 'load',
      process: process.name,
      key: StoreKey.of(key).id,
      invokedAt,
      returnedAt: world.now,
      outcome,
      value,
      error,
      maxStaleMs: process.maxStaleMs,
      nearMaxStaleMs: process.nearMaxStaleMs,
    })
  let value: unknown
  try {
    value = await process.store.getOrSet(key, () => load(caller, what), {
      tags,
      negativeTtlMs,
      leaseMs: world.plan.leaseMs,
    })
  } catch (error) {
    return record('failed', undefined, error)
  }
  record(value === undefined ? 'absent' : 'found', value)
  const version = value === undefined ? undefined : world.versionOf(value)
  if (version !== undefined) caller.note(key, { version, value, asOf: version, tier: 'load', isSeen: true }, invokedAt)
}

interface Load {
  readonly key: string
  readonly tags: readonly string[]
  readonly fails: boolean
  readonly finds: boolean
  readonly takesMs: number
}

async function load(
  { world, process }: Caller,
  { key, tags, fails, finds, takesMs }: Load,
): Promise<string | undefined> {
  const run: LoaderEvent = {
    type: 'loader',
    process: process.name,
    key: StoreKey.of(key).id,
    run: world.nextRun(),
    startedAt: world.now,
    endedAt: Infinity,
    value: finds && !fails ? world.nextValue(tags) : undefined,
    fails,
  }
  world.history.add(run)
  if (takesMs > 0) await process.clock.sleep(takesMs)
  run.endedAt = world.now
  if (!fails) return run.value
  const failure = new LoaderFailure(run.run)
  throw process.replacesErrors ? new Error('the loader failed', { cause: failure }) : failure
}

/** Also longer than a lease lasts, unless it is renewed. */
function timeOf({ random, world }: Caller): number {
  return random.pick([0, 3, 30, 100, world.plan.leaseMs * 1.5]) * (0.5 + random.next())
}

const set: Operation = (caller) => {
  const key = loadedKey(caller)
  const tags = someTags(caller)
  const value = caller.world.nextValue(tags)
  return caller.write(key, value, (how) => caller.process.store.set(key, value, { ...how, tags }))
}

const remove: Operation = (caller) => {
  const key = loadedKey(caller)
  return caller.write(key, undefined, async (how) => {
    const { deleted, version, tiers } = await caller.process.store.delete(key, how)
    return { version, tiers, changed: deleted }
  })
}

const invalidate: Operation = (caller) => {
  const tag = caller.random.pick(caller.world.tags)
  return caller.write(`#${tag}`, null, (how) => caller.process.store.invalidateTag(tag, how))
}

/** As a reader sees it, tags and all. */
const see: Operation = async (caller) => {
  const key = loadedKey(caller)
  const how = caller.random.chance(0.1) ? ({ consistency: 'linearizable' } as const) : {}
  const invokedAt = caller.world.now
  const entry = await caller.process.store.entry(key, how)
  const answer = { version: entry?.version, value: entry?.value, asOf: entry?.version ?? 0 }
  caller.note(key, { ...answer, tier: 'any', isSeen: true }, invokedAt, how)
}

const seeMany: Operation = async (caller) => {
  const { loadedKeys, now } = caller.world
  const found = await caller.process.store.getMany(loadedKeys)
  for (const key of loadedKeys) {
    const value = found.get(key)
    const version = value === undefined ? undefined : caller.world.versionOf(value)
    caller.note(key, { version, value, asOf: version ?? 0, tier: 'any', isSeen: true }, now)
  }
}

/** What lies in the tiers, whatever a reader sees of it. */
const readRaw: Operation = (caller) => caller.read([loadedKey(caller)])

/** As often as they stand here. */
export const LOAD_OPERATIONS: readonly Operation[] = [
  ...Array.from({ length: 7 }, () => getOrSet),
  ...Array.from({ length: 4 }, () => see),
  seeMany,
  readRaw,
  set,
  remove,
  remove,
  invalidate,
  invalidate,
]
