import { type Back, ClosedError } from '@tidemark/core'
import { modelTest } from '@tidemark/testkit'
import type { TieredBack } from '../../src/index.ts'
import { Fleet, type InstanceOptions, useRedis } from '../support/fleet.ts'

const redis = useRedis()

const FRONTS = {
  near: { near: true, redis: false },
  'near, redis': { near: true },
} as const satisfies Record<string, InstanceOptions>

/**
 * A store that writes everything behind that it can, and flushes it before it answers: what a caller is told is then as of any
 * other policy. What it is told before the flush is tested beside this.
 */
function flushed(tiers: TieredBack): Back {
  const seqs = new Map<string, number>()
  tiers.onCommit((commits) => {
    for (const { changes } of commits) for (const { key, seq } of changes) seqs.set(key.id, seq)
  })
  const commit: TieredBack['commit'] = async (proposal, options) => {
    // A key twice in one batch: two changes otherwise, one of the flush.
    const ids = proposal.reads.length === 0 ? proposal.decide([]).map(({ key }) => key.id) : []
    const isPlain = new Set(ids).size === ids.length
    const told = await tiers.commit(proposal, isPlain ? options : { ...options, writePolicy: 'write-through' })
    if (told.changes.every(({ seq }) => seq > 0)) return told
    // Closing flushes what was asked for before.
    await tiers.flush().catch((error: unknown) => {
      if (!(error instanceof ClosedError)) throw error
      return tiers.close()
    })
    return { ...told, changes: told.changes.map((change) => ({ ...change, seq: seqs.get(change.key.id)! })) }
  }
  const own = new Map<string | symbol, unknown>([['commit', commit]])
  return new Proxy(tiers, {
    get(target, name) {
      if (own.has(name)) return own.get(name)
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
    set(_target, name, value) {
      own.set(name, value)
      return true
    },
  }) as unknown as Back
}

for (const [fronts, options] of Object.entries(FRONTS)) {
  const open = async (): Promise<Back> => {
    const writeBehind = { maxAgeMs: 600_000 }
    return flushed((await new Fleet(redis.server).open({ ...options, writePolicy: 'write-behind', writeBehind })).tiers)
  }
  const name = `${fronts} over sqlite, write-behind`
  modelTest(name, { open, runs: 20 })
}
