import { type BackFlaw, type FrontFlaw, runInVirtualTime, type ServerFlaw } from '@tidemark/testkit'
import { Caller } from './caller.ts'
import { checkHistory, type Verdict } from './checker/check.ts'
import { makeTrouble } from './faults.ts'
import type { HistoryEvent } from './history.ts'
import { LOAD_OPERATIONS } from './load-operations.ts'
import { OPERATIONS } from './operations.ts'
import { type Plan, planOf } from './plan.ts'
import { convergenceOf, healAll } from './quiescence.ts'
import type { SimulatedProcess } from './simulated-process.ts'
import { World } from './world.ts'

/** A call that takes longer than this, when nothing fails any more, is taken for hung. Virtual. */
const PATIENCE_MS = 20_000
/** A run that is not done by then never will be. Virtual. */
const LIMIT_MS = 600_000

export interface SeedOptions {
  readonly serverFlaws?: readonly ServerFlaw[] | undefined
  readonly frontFlaws?: readonly FrontFlaw[] | undefined
  readonly backFlaws?: readonly BackFlaw[] | undefined
  /** Differs from what follows from the seed. */
  readonly change?: Partial<Plan> | undefined
  /** So many times Δ do certificates live: more than once is a flaw. @default 1 */
  readonly certificateLives?: number | undefined
  /** What loaders throw does not reach the callers as it is. */
  readonly replacesErrors?: boolean | undefined
  /** Records what servers and stores did in between. */
  readonly withTrace?: boolean | undefined
}

export interface SeedResult extends Verdict {
  readonly seed: number
  readonly plan: Plan
  readonly history: readonly HistoryEvent[]
  readonly virtualMs: number
}

/** Runs one seed. The same seed runs the same way each time. */
export async function runSeed(seed: number, options: SeedOptions = {}): Promise<SeedResult> {
  const plan = { ...planOf(seed), ...options.change }
  const world = new World({ plan, ...options })
  const diverged = await runInVirtualTime(world.clock, scenario(world), LIMIT_MS)
  const verdict = checkHistory(world.history, plan, diverged)
  return { seed, plan, history: world.history.events, virtualMs: world.now, ...verdict }
}

async function scenario(world: World): Promise<readonly string[]> {
  const { plan, clock, history } = world
  let left = plan.operations
  let busy = 0
  const call = async (process: SimulatedProcess): Promise<void> => {
    const caller = new Caller(world, process)
    busy++
    while (left > 0 && process.isAlive) {
      left--
      const isLoad = plan.loadedKeys > 0 && caller.random.chance(0.5)
      await caller.call(caller.random.pick(isLoad ? LOAD_OPERATIONS : OPERATIONS))
      // A process that is dead does not come back from here.
      await process.clock.sleep(caller.random.chance(0.3) ? 0 : caller.random.next() * 30)
    }
    busy--
  }
  const start = (process: SimulatedProcess): void => {
    for (let i = 0; i < 2; i++) void call(process)
  }
  let started = 0
  const startNew = (): void => {
    for (; started < world.processes.length; started++) start(world.processes[started]!)
  }
  if (plan.warmUp) {
    world.isTroubled = false
    for (const end = world.now + PATIENCE_MS; world.now < end && !world.living.every(({ isServing }) => isServing);) {
      await clock.sleep(10)
    }
    world.isTroubled = true
  }
  startNew()
  void makeTrouble(world, () => left === 0)
  while (left > 0) {
    await clock.sleep(10)
    startNew()
  }
  healAll(world)
  const dead = (): number => world.processes.filter(({ isAlive }) => !isAlive).length * 2
  for (const end = world.now + PATIENCE_MS; busy > dead() && world.now < end;) await clock.sleep(10)
  const diverged = [...(busy > dead() ? ['calls that were made never returned'] : []), ...(await convergenceOf(world))]
  const closed = Promise.all(world.living.map(({ tiers }) => tiers.close())).then(() => true)
  if (!(await Promise.race([closed, clock.sleep(PATIENCE_MS).then(() => false)]))) {
    const what = 'close() did not end'
    history.add({ type: 'trouble', process: 'all', what, invokedAt: world.now - PATIENCE_MS, returnedAt: world.now })
  }
  return diverged
}
