import { ALL_KEYS, createMemoryBack, type MemoryBack } from '@tidemark/core'
import { ManualClock } from '@tidemark/testkit'
import fc from 'fast-check'
import { expect, test } from 'vitest'

import { MapConnector, turns } from './support/map-connector.ts'
import { type Fault, Process, Site } from './support/process.ts'

const KEYS = ['a', 'b', 'c', 'd', 'e'] as const

/** What is acknowledged. */
interface Model {
  readonly values: Map<string, number>
  state: number | undefined
}

class Real {
  readonly clock = new ManualClock()
  readonly back: MemoryBack = createMemoryBack({ clock: this.clock })
  /** Everything that there ever was. */
  readonly #all: Site[] = []
  sites: Site[] = [this.site(), this.site()]
  process!: Process

  site(): Site {
    const site = new Site(new MapConnector(`site ${this.#all.length}`))
    this.#all.push(site)
    return site
  }

  async open(): Promise<void> {
    this.process = await new Process(this.back, this.clock).open(this.sites)
  }

  /** As kill -9, and after its lease somebody else. */
  async reopen(): Promise<void> {
    this.process.isDead = true
    this.repair()
    this.clock.advance(1_100)
    await this.open()
  }

  repair(): void {
    for (const site of this.#all) {
      site.isDown = false
      site.faults.length = 0
    }
  }
}

type Command = fc.AsyncCommand<Model, Real>

function command(label: string, run: (model: Model, real: Real) => Promise<void>): Command {
  return {
    check: () => true,
    toString: () => label,
    async run(model, real) {
      await run(model, real)
      await turns(3)
      await check(model, real)
    },
  }
}

/** What can be read is what was acknowledged; what cannot, is not taken for absent. */
async function check(model: Model, { process, sites }: Real): Promise<void> {
  const found = await Promise.allSettled(KEYS.map((key) => process.buffer.get<number>(key)))
  for (const [i, each] of found.entries()) {
    if (each.status === 'fulfilled') expect([KEYS[i], each.value]).toEqual([KEYS[i], model.values.get(KEYS[i]!)])
    else expect(sites.some(({ isDown }) => isDown)).toBe(true)
  }
}

const name = fc.constantFrom(...KEYS)
const value = fc.integer({ min: 0, max: 1_000 })
const which = fc.nat({ max: 1 })

const commands: fc.Arbitrary<Command>[] = [
  fc.tuple(name, value).map(([key, v]) =>
    command(`set ${key} ${v}`, async (model, { process }) => {
      await process.buffer.set(key, v)
      model.values.set(key, v)
    }),
  ),
  fc.tuple(name, name, value).map(([one, other, v]) =>
    command(`set ${one} and ${other} together, then ${other} again`, async (model, { process }) => {
      await Promise.all([
        process.buffer.setMany([
          [one, v],
          [other, v],
        ]),
        process.buffer.set(other, v + 1),
      ])
      model.values.set(one, v).set(other, v + 1)
    }),
  ),
  name.map((key) =>
    command(`delete ${key}`, async (model, { process }) => {
      await process.buffer.delete(key)
      model.values.delete(key)
    }),
  ),
  name.map((key) =>
    command(`update ${key}, if it can be read`, async (model, { process, sites }) => {
      const old = model.values.get(key)
      const updated = await process.buffer
        .update<number>(key, (n = 0) => n + 1)
        .catch(() => {
          expect(sites.some(({ isDown }) => isDown)).toBe(true)
        })
      if (updated === undefined) return
      expect(updated).toEqual({ old, new: (old ?? 0) + 1 })
      model.values.set(key, (old ?? 0) + 1)
    }),
  ),
  value.map((v) =>
    command(`checkpoint ${v}`, async (model, { process }) => {
      await process.buffer.checkpoint(v)
      model.state = v
      expect(await process.buffer.lastCheckpoint()).toBe(v)
    }),
  ),
  fc.constant(command('flush', (_, { process }) => process.buffer.flush().catch(() => undefined))),
  fc.constant(
    command('wait', async (_, { clock }) => {
      clock.advance(500)
      await turns(5)
    }),
  ),
  fc.tuple(which, fc.boolean()).map(([at, isDown]) =>
    command(`site at ${at} is ${isDown ? 'down' : 'up'}`, async (_, { sites }) => {
      sites[at]!.isDown = isDown
    }),
  ),
  fc.tuple(which, fc.constantFrom<Fault>('refuse', 'lose')).map(([at, fault]) =>
    command(`site at ${at}: ${fault}`, async (_, { sites }) => {
      sites[at]!.faults.push(fault)
    }),
  ),
  fc.constant(command('killed, and opened again', (_, real) => real.reopen())),
  fc.tuple(which, name, value, fc.nat({ max: 12 }), fc.boolean()).map(([at, key, v, after, isKilled]) =>
    command(`migrate the one at ${at}, set ${key} ${v} after ${after}, killed: ${isKilled}`, async (model, real) => {
      const { process, sites } = real
      const to = real.site()
      let isOver = false
      const migrating = process.buffer.migrate({ from: sites[at]!.map.id, to: to.from(process), all: KEYS }).then(
        () => (isOver = true),
        () => false,
      )
      for (let i = 0; i < after; i++) await new Promise<void>((resolve) => setImmediate(resolve))
      await process.buffer.set(key, v)
      model.values.set(key, v)
      void process.buffer.flush().catch(() => undefined)
      if (isKilled) {
        await turns(after)
        if (isOver) sites[at] = to
        return real.reopen()
      }
      if (await migrating) sites[at] = to
    }),
  ),
]

test('model: whatever fails, and whoever dies, what is acknowledged is read, and every connector gets it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 25, size: 'max' }), async (sequence) => {
      const real = new Real()
      await real.open()
      const model: Model = { values: new Map(), state: undefined }
      await fc.asyncModelRun(() => ({ model, real }), sequence)
      real.repair()
      const { process, sites } = real
      await process.buffer.flush()
      for (const { map, state, fences } of sites) {
        expect(Object.fromEntries(map.values)).toEqual(Object.fromEntries(model.values))
        expect(state).toBe(model.state)
        expect(fences).toEqual(fences.toSorted((a, b) => a - b))
      }
      await process.buffer.close()
      // No row is left in the journal.
      const marks = await real.back.marks.scan(ALL_KEYS, { after: undefined, limit: 100 })
      expect(marks.filter(({ key }) => key.tuple.includes('row'))).toEqual([])
      await real.back.close()
    }),
    { numRuns: 200 },
  )
})
