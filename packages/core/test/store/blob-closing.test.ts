import { expect, it } from 'vitest'
import { afterTurn, type Back, createMemoryBack, type Lease, Store } from '../../src/index.ts'

/** A back tier that says which leases it has given out and not taken back. */
function leasing(): { readonly back: Back; readonly held: Set<number> } {
  const memory = createMemoryBack()
  const held = new Set<number>()
  const { leases } = memory
  const watched: Back['leases'] = {
    acquire: async (...args) => {
      const grant = await leases.acquire(...args)
      if (grant.lease !== undefined) held.add(grant.lease.token)
      return grant
    },
    release: async (lease: Lease) => {
      await leases.release(lease)
      held.delete(lease.token)
    },
    renew: (...args) => leases.renew(...args),
    remaining: (...args) => leases.remaining(...args),
    endRange: (...args) => leases.endRange(...args),
  }
  const back: Back = new Proxy<Back>(memory, {
    get(target, name) {
      if (name === 'leases') return watched
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { back, held }
}

it.each([
  ['without a condition', undefined, false],
  ['with one', 0, false],
  ['with one, beside another write', 0, true],
] as const)(
  'a store that closes at any moment of the write of a blob ends it, and its lease: %s',
  async (_, ifVersion, isBeside) => {
    const outcomes = new Set<unknown>()
    for (let moment = 0; !outcomes.has(2_000_000); moment++) {
      const { back, held } = leasing()
      const store = new Store(back)
      // Its source never gives anything.
      if (isBeside) void store.blob('beside').write(new ReadableStream())
      const options = ifVersion === undefined ? {} : { ifVersion }
      const writing = store
        .blob('b')
        .write(new Uint8Array(2_000_000), options)
        .then(
          ({ size }) => size,
          (error: { code?: unknown }) => error.code,
        )
      for (let turn = 0; turn < moment >> 4; turn++) await new Promise<void>(afterTurn)
      for (let tick = 0; tick < (moment & 15); tick++) await Promise.resolve()
      await store.close()
      const outcome = await writing
      outcomes.add(outcome)
      // That of a blob that is there has ended with its commit.
      expect({ moment, outcome, held: outcome === 'CLOSED' ? held.size : 0 }).toEqual({ moment, outcome, held: 0 })
    }
    expect(outcomes).toEqual(new Set(['CLOSED', 2_000_000]))
  },
)
