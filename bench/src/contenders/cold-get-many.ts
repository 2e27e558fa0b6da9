import { setTimeout } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { Redis } from 'ioredis'
import type { Tidemark } from 'tidemark'
import type { Notes, Place, Subject } from '../runner/case.ts'
import { itemOf, stringKeys } from '../workload/item.ts'
import { fill, openTidemark } from './open-tidemark.ts'
import { countStatements } from './statements.ts'

const QUIET_MS = 20
/** Commands of Redis; all but the first run scripts. */
const COUNTED: readonly string[] = ['mget', 'eval', 'evalsha']

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

/** Batches of keys that no front has ever seen, `batches` times; then a new namespace makes Redis empty again. */
export async function coldGetMany(place: Place, keys: number, batches: number): Promise<Subject> {
  const names = stringKeys(keys * batches)
  const filler = await openTidemark(place, { near: false })
  await fill(filler, names.length, (number) => names[number]!)
  await filler.close()

  let store: Tidemark | undefined
  let generation = 0
  const reopen = async (): Promise<Tidemark> => {
    await store?.close()
    store = await openTidemark(place, { redis: { url: place.redisUrl, namespace: `cold${generation++}` } })
    // Connecting, and sending scripts to a server that does not have them, belongs to no getMany.
    await store.get('first contact')
    return store
  }
  const read = async (from: Tidemark, batch: number): Promise<void> => {
    const wanted = names.slice(batch * keys, (batch + 1) * keys)
    const found = await from.getMany(wanted)
    if (found.size !== keys) throw new Error(`${found.size} of ${keys} keys were found`)
  }
  return {
    async prepare() {
      await reopen()
    },
    async run(times) {
      for (let batch = 0; batch < times; batch++) await read(store!, batch)
    },
    async check() {
      const found = await (await reopen()).getMany(names.slice(0, keys))
      for (const [i, name] of names.slice(0, keys).entries()) {
        if (!isDeepStrictEqual(found.get(name), itemOf(i))) throw new Error(`item ${i} is not what was stored`)
      }
    },
    notes: async () => counted(await reopen(), place.redisUrl, (from) => read(from, 0)),
    close: async () => store?.close(),
  }
}

/** What one cold getMany asks of Redis and SQLite, its unawaited fill included. */
async function counted(store: Tidemark, redisUrl: string, read: (store: Tidemark) => Promise<void>): Promise<Notes> {
  const redis = new Redis(redisUrl)
  const calls = async (): Promise<Map<string, number>> => {
    const stats = await redis.info('commandstats')
    return new Map([...stats.matchAll(/^cmdstat_(\w+):calls=(\d+)/gm)].map(([, name, n]) => [name!, Number(n)]))
  }
  let before = await calls()
  // Whatever opening the store has caused comes first.
  for (let quiet = 0; quiet < 5;) {
    await setTimeout(QUIET_MS)
    const now = await calls()
    quiet = COUNTED.every((name) => now.get(name) === before.get(name)) ? quiet + 1 : 0
    before = now
  }
  const statements = await countStatements(() => read(store))
  // Closing waits for the fill.
  await store.close()
  const after = await calls()
  redis.disconnect()
  const [mget, ...scripts] = COUNTED.map((name) => (after.get(name) ?? 0) - (before.get(name) ?? 0))
  return { MGET: mget ?? 0, 'fill scripts': sum(scripts), 'SQL statements': statements }
}
