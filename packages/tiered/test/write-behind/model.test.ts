import { createMemoryBack, type Leases, type MemoryBack, Store, TidemarkError } from '@tidemark/core'
import { ManualClock } from '@tidemark/testkit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Process } from './support/process.ts'

const KEYS = ['a', 'b', 'c', 'd'] as const
type Name = (typeof KEYS)[number]

const LEASE_MS = 1_000
const AGE_MS = 400

/** What must be read: by the process that writes behind, and by any other. */
interface Model {
  readonly dirty: Map<Name, number>
  readonly back: Map<Name, number>
  /** Written by a call whose reply was lost: it may come to light when the journal is recovered. */
  readonly maybe: Map<Name, Set<number>>
  checkpoint: number | undefined
  committed: number | undefined
}

class Real {
  readonly clock = new ManualClock()
  readonly back: MemoryBack = createMemoryBack({ clock: this.clock })
  readonly other = new Store(this.back, { clock: this.clock })
  process = this.start()

  start(): Process {
    return new Process(this.back, this.clock, { maxAgeMs: AGE_MS, leaseMs: LEASE_MS, maxDirty: 3, capacity: 10 })
  }
}

type Command = fc.AsyncCommand<Model, Real>

const name = fc.constantFrom(...KEYS)
const value = fc.integer({ min: 0, max: 1_000 })

/** What is dirty is committed. */
function flushed(model: Model): void {
  for (const [key, value] of model.dirty) model.back.set(key, value)
  model.dirty.clear()
  model.maybe.clear()
  if (model.checkpoint !== undefined) model.committed = model.checkpoint
  model.checkpoint = undefined
}

function seen(model: Model, key: Name): number | undefined {
  return model.dirty.get(key) ?? model.back.get(key)
}

/** Lets everything happen that only waits for promises; flushes in the background, too. */
async function settle(model: Model, real: Real): Promise<void> {
  for (let i = 0; i < 30; i++) await new Promise<void>((resolve) => setImmediate(resolve))
  // As the buffer does when so many keys are dirty.
  if (real.process.tiers.metrics().total.flushes > flushesOf(real)) {
    flushed(model)
    noted.set(real.process, real.process.tiers.metrics().total.flushes)
  }
}

const noted = new WeakMap<Process, number>()
const flushesOf = ({ process }: Real): number => noted.get(process) ?? 0

/** The file is locked by somebody when a lease is asked for next. @returns a function that ends this */
function failOnce(leases: Leases): () => void {
  const acquire = leases.acquire.bind(leases)
  const end = (): void => void (leases.acquire = acquire)
  leases.acquire = async () => {
    end()
    throw new TidemarkError('BUSY', 'locked', { retryable: true })
  }
  return end
}

function command(label: string, run: (model: Model, real: Real) => Promise<void>): Command {
  return {
    check: () => true,
    toString: () => label,
    async run(model, real) {
      await settle(model, real)
      await run(model, real)
      await settle(model, real)
      real.process.forgive()
      expect(await read(real)).toEqual(KEYS.map((key) => seen(model, key)))
    },
  }
}

async function read({ process: { store } }: Real): Promise<unknown[]> {
  const found = await store.getMany(KEYS)
  const one = await Promise.all(KEYS.map((key) => store.get(key)))
  expect(KEYS.map((key) => found.get(key))).toEqual(one)
  return one
}

const commands: fc.Arbitrary<Command>[] = [
  fc.tuple(name, value).map(([key, v]) =>
    command(`set ${key} ${v}`, async (model, real) => {
      await real.process.store.set(key, v)
      model.dirty.set(key, v)
      model.maybe.delete(key)
    }),
  ),
  fc.tuple(name, value, value).map(([key, v, w]) =>
    command(`set ${key} ${v} and ${w} at once`, async (model, real) => {
      await Promise.all([real.process.store.set(key, v), real.process.store.set(key, w)])
      model.dirty.set(key, w)
      model.maybe.delete(key)
    }),
  ),
  fc.tuple(value).map(([v]) =>
    command(`setMany a c ${v}`, async (model, real) => {
      await real.process.store.setMany([
        ['a', v],
        ['c', v],
      ])
      for (const key of ['a', 'c'] as const) {
        model.dirty.set(key, v)
        model.maybe.delete(key)
      }
    }),
  ),
  fc.tuple(name).map(([key]) =>
    command(`update ${key}`, async (model, real) => {
      const { old } = await real.process.store.update<number>(key, (n = 0) => n + 1)
      expect(old).toBe(seen(model, key))
      // What it reads is flushed before.
      if (model.dirty.has(key)) flushed(model)
      model.back.set(key, (old ?? 0) + 1)
    }),
  ),
  fc.tuple(name).map(([key]) =>
    command(`delete ${key}`, async (model, real) => {
      const { deleted } = await real.process.store.delete(key)
      expect(deleted).toBe(seen(model, key) !== undefined)
      if (model.dirty.has(key)) flushed(model)
      model.back.delete(key)
    }),
  ),
  fc.tuple(name, name).map(([from, to]) =>
    command(`transaction ${from} to ${to}`, async (model, real) => {
      const expected = (seen(model, from) ?? 0) + 1
      await real.process.store.transaction(async (tx) => {
        tx.set(to, ((await tx.get<number>(from)) ?? 0) + 1)
      })
      if (model.dirty.has(from) || model.dirty.has(to)) flushed(model)
      model.back.set(to, expected)
    }),
  ),
  fc.tuple(value).map(([v]) =>
    command(`checkpoint ${v}`, async (model, real) => {
      await real.process.tiers.checkpoint('', v)
      model.checkpoint = v
      expect(await real.process.tiers.lastCheckpoint('')).toBe(v)
    }),
  ),
  fc.constant(
    command('flush', async (model, real) => {
      await real.process.tiers.flush()
      flushed(model)
    }),
  ),
  fc.constant(
    command('list', async (model, real) => {
      const listed = await Array.fromAsync(real.process.store.entries(), ({ key, value: v }) => [key[0], v])
      flushed(model)
      expect(listed).toEqual(KEYS.flatMap((key) => (model.back.has(key) ? [[key, model.back.get(key)]] : [])))
    }),
  ),
  fc.constant(
    command('wait', async (model, real) => {
      real.clock.advance(AGE_MS)
      await settle(model, real)
      expect(model.dirty.size).toBe(0)
    }),
  ),
  fc.tuple(name, value).map(([key, v]) =>
    command(`another process sets ${key} ${v}`, async (model, real) => {
      await real.other.set(key, v)
      model.back.set(key, v)
    }),
  ),
  fc.tuple(name, value).map(([key, v]) =>
    command(`set ${key} ${v} is refused`, async (_model, real) => {
      real.process.fail('append', 'refuse')
      await expect(real.process.store.set(key, v)).rejects.toMatchObject({ code: 'DISK_FULL' })
    }),
  ),
  fc.tuple(name, value).map(([key, v]) =>
    command(`the reply to set ${key} ${v} is lost`, async (model, real) => {
      real.process.fail('append', 'lose')
      // A flush that would cover it is under way at once; it fails, so that the row stays.
      real.process.fail('flush', 'refuse')
      await expect(real.process.store.set(key, v)).rejects.toMatchObject({ code: 'IO' })
      const maybe = model.maybe.get(key) ?? new Set()
      model.maybe.set(key, maybe.add(v))
    }),
  ),
  fc.tuple(name, value).map(([key, v]) =>
    command(`the reply to a flush is lost, then another process sets ${key} ${v}`, async (model, real) => {
      // Nothing else is to fail meanwhile.
      await real.process.tiers.flush()
      flushed(model)
      await real.process.store.set('d', v + 1)
      model.dirty.set('d', v + 1)
      real.process.fail('flush', 'lose')
      await expect(real.process.tiers.flush()).rejects.toMatchObject({ code: 'IO' })
      flushed(model)
      await real.other.set(key, v)
      model.back.set(key, v)
      await real.process.tiers.flush()
      noted.set(real.process, real.process.tiers.metrics().total.flushes)
    }),
  ),
  fc.tuple(fc.boolean()).map(([isBusy]) =>
    command(
      `stopped for longer than its lease${isBusy ? ', which cannot be had back at first' : ''}`,
      async (model, real) => {
        real.process.pause()
        real.clock.advance(2 * LEASE_MS)
        await settle(model, real)
        const end = isBusy ? failOnce(real.back.leases) : (): void => {}
        real.process.resume()
        // Nobody has recovered it: what it holds is flushed, as it is due by now.
        await settle(model, real)
        end()
        real.process.forgive()
        await real.process.tiers.flush()
        flushed(model)
        noted.set(real.process, real.process.tiers.metrics().total.flushes)
      },
    ),
  ),
  fc.tuple(name, value).map(([key, v]) =>
    command(`stopped, recovered by another process, which then sets ${key} ${v}, and goes on`, async (model, real) => {
      real.process.pause()
      real.clock.advance(2 * LEASE_MS)
      await settle(model, real)
      const other = real.start()
      await other.tiers.recoverWrites()
      const { maybe } = model
      const possible = new Map(maybe)
      flushed(model)
      for (const [each, values] of possible) {
        const found = await real.other.get<number>(each)
        if (found !== undefined && values.has(found)) model.back.set(each, found)
      }
      await real.other.set(key, v)
      model.back.set(key, v)
      real.process.resume()
      await settle(model, real)
      await real.process.tiers.flush()
      noted.set(real.process, real.process.tiers.metrics().total.flushes)
      await other.tiers.close()
    }),
  ),
  fc.constant(
    command('killed, and opened again', async (model, real) => {
      real.process.kill()
      real.clock.advance(LEASE_MS)
      real.process = real.start()
      await real.process.tiers.recoverWrites()
      const { maybe } = model
      const possible = new Map(maybe)
      flushed(model)
      for (const [key, values] of possible) {
        const found = await real.process.store.get<number>(key)
        if (found !== undefined && values.has(found)) model.back.set(key, found)
      }
    }),
  ),
]

test('model: what is written behind is read as from a Map, and comes out once, whatever fails', async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 30, size: 'max' }), async (sequence) => {
      const real = new Real()
      const model: Model = {
        dirty: new Map(),
        back: new Map(),
        maybe: new Map(),
        checkpoint: undefined,
        committed: undefined,
      }
      await fc.asyncModelRun(() => ({ model, real }), sequence)
      await real.process.tiers.flush()
      flushed(model)
      const held = await Array.fromAsync(real.other.entries(), ({ key, value: v }) => [key[0], v])
      expect(held).toEqual(KEYS.flatMap((key) => (model.back.has(key) ? [[key, model.back.get(key)]] : [])))
      expect(await real.process.tiers.lastCheckpoint('')).toEqual(model.committed)
      await real.process.tiers.close()
      await real.back.close()
    }),
    { numRuns: 150 },
  )
})
