import type { World } from './world.ts'

/** How long it may take, when nothing fails any more, until every process reads from the front again. Virtual. */
const RECOVERY_MS = 60_000

/** Lets everything that still fails come to an end. */
export function healAll(world: World): void {
  const { network, server, processes, plan } = world
  world.isTroubled = false
  server.resume()
  server.full = false
  server.loading = false
  server.readOnly = false
  for (const process of processes) {
    network.heal(process.name)
    if (process.clock.isStopped) process.clock.resume()
    // Whoever is still with an old primary.
    if (plan.faults.includes('promote')) network.cut(process.name)
  }
}

/** What is wrong when nothing fails and nobody writes any more: the front has to come back, and to equal the back tier. */
export async function convergenceOf(world: World): Promise<readonly string[]> {
  const { clock, living, plan } = world
  const end = world.now + RECOVERY_MS
  const keys = world.storeKeys
  for (;;) {
    const without = living.filter(({ isServing }) => !isServing).map(({ name }) => name)
    if (without.length === 0) break
    if (world.now > end) {
      return [`${RECOVERY_MS} ms after the last fault, ${without.join(', ')} did not read from the front`]
    }
    await clock.sleep(plan.maxStaleMs)
  }
  // Nobody has to have seen the last writes before.
  await clock.sleep(2 * Math.max(...living.map(({ maxStaleMs }) => maxStaleMs)))
  const wrong: string[] = []
  const { base } = world.memory
  for (const process of living) {
    for (const [i, found] of (await process.tiers.read(keys)).entries()) {
      const truth = base.readOne(keys[i]!)
      if (found.entry?.version === truth.entry?.version) continue
      const sees = found.entry?.version ?? 'nothing'
      wrong.push(`${process.name} sees ${sees} of ${keys[i]!.id} in ${found.tier}, and not ${truth.entry?.version}`)
    }
  }
  for (const [id, record] of world.server.list()) {
    const key = keys.find((each) => each.id === id)
    const version = key && base.readOne(key).entry?.version
    if (record.entry?.version !== version) {
      wrong.push(`the front holds ${record.entry?.version ?? 'nothing'} of ${id}, and not ${version}`)
    }
  }
  return wrong
}
