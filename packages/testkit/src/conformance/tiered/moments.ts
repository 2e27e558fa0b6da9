import { afterTurn, type NearFront, StoreKey, TidemarkError } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../simulated/seeded-random.ts'
import type { StartTiered, TieredParts, TieredUnderTest } from './tiered-suite.ts'

const KEYS = ['a', 'b', 'c', 'd']
const ROUNDS = 150

type Instance = Pick<TieredParts, 'store' | 'flush'>

/** What is promised of reads of several keys: they show one moment, whichever tiers the answers come from. */
export function describeMoments(start: StartTiered): void {
  describe.each(['write-through', 'write-around', 'write-behind'] as const)('%s', (writePolicy) => {
    it('of a batch is read whole or not at all, by who writes it and by another instance', async () => {
      const test = await start({ writePolicy })
      const other = await test.beside({ writePolicy })
      const halves = [...(await halfReads(test, test, other)), ...(await halfReads(test, other, test))]
      expect(halves).toEqual([])
    })
  })
}

/** What was read that was never there, while the writer writes batches of all keys and fronts lose some of them. */
async function halfReads(test: TieredUnderTest, writer: Instance, other: Instance): Promise<readonly unknown[]> {
  const random = new SeededRandom(7)
  const halves: unknown[] = []
  const read = async ({ store }: Instance): Promise<void> => {
    await turns(random.between(-2, 4))
    const found = await store.getMany(random.chance(0.5) ? KEYS : KEYS.toReversed())
    const values = KEYS.map((key) => found.get(key))
    if (new Set(values).size > 1) halves.push(values)
  }
  for (let round = 1; round <= ROUNDS; round++) {
    await forget(test, random.pick(KEYS), random)
    if (random.chance(0.5)) await random.pick([writer, other]).store.get(random.pick(KEYS))
    const write = writeAll(writer, round, random)
    const reads = [read(writer), read(other), read(other), read(other)]
    if (random.chance(0.3)) await writer.flush()
    await Promise.all([write, ...reads])
  }
  await writer.flush()
  return halves
}

async function writeAll(writer: Instance, round: number, random: SeededRandom): Promise<unknown> {
  const { store } = writer
  const batch = KEYS.map((key) => [key, round] as const)
  const { sync } = store
  if (sync !== undefined && random.chance(0.5)) {
    await writer.flush()
    // Between two steps of a read that never leaves the turn.
    for (let steps = random.between(0, 8); steps > 0; steps--) await Promise.resolve()
    try {
      return round % 5 === 0 ? sync.deleteMany(KEYS) : sync.setMany(batch)
    } catch (error) {
      if (!(error instanceof TidemarkError && error.code === 'BUSY')) throw error
    }
  }
  return round % 5 === 0 ? store.deleteMany(KEYS) : store.setMany(batch)
}

/** As memory pressure does. */
async function forget({ fronts }: TieredUnderTest, key: string, random: SeededRandom): Promise<void> {
  const front = random.pick(fronts)
  if ('clear' in front) (front as NearFront).discardNow([StoreKey.of(key).id])
  else await front.discard([StoreKey.of(key)])
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>(afterTurn)
}
