import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Fleet, type Instance, keyOf, useRedis } from './support/fleet.ts'

const redis = useRedis()

describe('random steps of two stores on one file', () => {
  type Step = {
    readonly who: number
    readonly what: 'set' | 'delete' | 'update' | 'read' | 'readMany' | 'settle'
    readonly key: number
  }
  interface Write {
    readonly key: string
    readonly op: 'set' | 'delete'
    readonly version: number
  }
  const steps = fc.array(
    fc.record<Step>({
      who: fc.nat(1),
      what: fc.constantFrom('set', 'delete', 'update', 'read', 'read', 'readMany', 'readMany', 'settle'),
      key: fc.nat(2),
    }),
    { minLength: 5, maxLength: 60 },
  )

  /** Runs the steps, none waiting for another but for `settle`. @returns what was read that an acknowledged write had replaced */
  async function staleReads(instances: readonly Instance[], script: readonly Step[]): Promise<string[]> {
    const acknowledged = new Map<string, number>()
    const writes: Write[] = []
    const reads: { key: string; atLeast: number; version: number | undefined }[] = []
    /** What `getMany` found, which knows no versions: every value is written once only, and tells its version. */
    const values: { key: string; atLeast: number; value: number }[] = []
    const versions = new Map<number, number>()
    let pending: Promise<unknown>[] = []
    let next = 0
    const written = (key: string, op: Write['op'], version: number): void => {
      writes.push({ key, op, version })
      acknowledged.set(key, Math.max(version, acknowledged.get(key) ?? 0))
    }
    for (const { who, what, key: n } of script) {
      const { store } = instances[who]!
      const key = `k${n}`
      const atLeast = acknowledged.get(key) ?? 0
      if (what === 'settle') {
        await Promise.all(pending)
        pending = []
      } else if (what === 'set') {
        const value = ++next
        pending.push(
          store.set(key, value).then(({ version }) => {
            versions.set(value, version)
            written(key, 'set', version)
          }),
        )
      } else if (what === 'update') {
        let value = 0
        pending.push(
          store
            .update<number>(key, () => (value = ++next))
            .then(({ version }) => {
              versions.set(value, version)
              written(key, 'set', version)
            }),
        )
      } else if (what === 'delete') {
        pending.push(store.delete(key).then(({ deleted, version }) => deleted && written(key, 'delete', version)))
      } else if (what === 'read') {
        pending.push(store.entry(key).then((entry) => reads.push({ key, atLeast, version: entry?.version })))
      } else {
        const all = ['k0', 'k1', 'k2'].map((each) => ({ key: each, atLeast: acknowledged.get(each) ?? 0 }))
        pending.push(
          store.getMany<number>(['k0', 'k1', 'k2']).then((found) => {
            for (const each of all) {
              const value = found.get(each.key)
              if (value === undefined) reads.push({ ...each, version: undefined })
              else values.push({ ...each, value })
            }
          }),
        )
      }
      // Let some of it happen.
      if (n === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await Promise.all(pending)
    for (const { key, atLeast, value } of values) reads.push({ key, atLeast, version: versions.get(value) ?? -1 })
    const isStale = ({ key, atLeast, version }: (typeof reads)[number]): boolean =>
      version === undefined
        ? atLeast > 0 && !writes.some((write) => write.key === key && write.op === 'delete' && write.version >= atLeast)
        : version < atLeast
    return reads.filter(isStale).map((read) => JSON.stringify(read))
  }

  test('a read never misses a write that was acknowledged before, by whichever of them', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const fleet = new Fleet()
        const instances = await Promise.all([fleet.open({ near: true }), fleet.open({ near: { maxEntries: 2 } })])
        expect(await staleReads(instances, script)).toEqual([])
        // And in the end both agree with the file.
        for (const { store, sqlite } of instances) {
          for (const key of ['k0', 'k1', 'k2']) {
            expect((await store.entry(key))?.version).toBe(sqlite.readOne(keyOf(key)).entry?.version)
          }
        }
        await Promise.all(instances.map(({ tiers }) => tiers.close()))
      }),
      { numRuns: 60 },
    )
  })

  test('nor over Redis, with near memory or without', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const fleet = new Fleet(redis.server)
        const instances = await Promise.all([fleet.open({ near: true }), fleet.open()])
        expect(await staleReads(instances, script)).toEqual([])
        await Promise.all(instances.map(({ tiers }) => tiers.close()))
      }),
      { numRuns: 30 },
    )
  })
})
