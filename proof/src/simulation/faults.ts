import type { FaultEvent } from './history.ts'
import type { Fault } from './plan.ts'
import type { SimulatedProcess } from './simulated-process.ts'
import type { World } from './world.ts'

const MOST_RESTORES = 5

/** Makes trouble until `isOver`, one fault after the other; those that last overlap. */
export async function makeTrouble(world: World, isOver: () => boolean): Promise<void> {
  const { plan, clock } = world
  const random = world.random.fork()
  if (plan.faults.length === 0) return
  const lasting = (): number => random.pick([10, 50, 200, 600]) * (0.5 + random.next())
  while (!isOver()) {
    await clock.sleep(plan.faultEveryMs * 2 * random.next())
    if (isOver()) return
    // What replicas and snapshot files hold lags behind.
    if (random.chance(0.3)) world.replicated = world.server.snapshot()
    if (random.chance(0.1)) world.saved = world.server.snapshot()
    const process = random.pick(world.living)
    fault(world, random.pick(plan.faults), process, lasting(), () => random.next())
  }
}

function fault(world: World, kind: Fault, process: SimulatedProcess, lastsMs: number, draw: () => number): void {
  const { server, network, clock, history } = world
  const say = (what: string, forgets = false, halts?: FaultEvent['halts']): void =>
    history.add({ type: 'fault', at: world.now, what: `${kind} ${what}`, forgets, halts })
  const later = (what: () => void): void => void clock.schedule(lastsMs, what)
  switch (kind) {
    case 'evict': {
      const held = server.list().map(([id]) => id)
      const evicted = draw() < 0.5 ? held : held.filter(() => draw() < 0.5)
      for (const id of evicted) server.evict(id)
      if (evicted.length > 0) say(evicted.join(', '))
      return
    }
    case 'lose-meta':
      say(server.name)
      return server.loseMeta()
    case 'flush':
      say(server.name)
      return server.flushAll()
    case 'cut':
      say(process.name)
      return network.cut(process.name)
    case 'partition':
      say(`${process.name} for ${lastsMs.toFixed(0)} ms`)
      network.partition(process.name)
      return later(() => network.heal(process.name))
    case 'stop-process':
      if (process.clock.isStopped) return
      say(`${process.name} for ${lastsMs.toFixed(0)} ms`, false, { process: process.name, until: world.now + lastsMs })
      process.clock.stop()
      return later(() => process.clock.resume())
    case 'crash':
      // Somebody has to be there to see what is left behind.
      if (world.living.length < 2 || draw() < 0.7) return
      say(process.name, false, { process: process.name, until: Infinity })
      process.crash()
      if (draw() < 0.5) world.startProcess()
      return
    case 'stop-server':
      say(`${server.name} for ${lastsMs.toFixed(0)} ms`)
      server.stop()
      return later(() => server.resume())
    case 'restart-server':
      say(`${server.name}, empty`)
      return server.restart()
    case 'old-snapshot':
      if (world.saved === undefined) return
      say(server.name, true)
      return server.restart(world.saved)
    case 'promote': {
      if (draw() < 0.5) return
      const isZombie = draw() < 0.6
      const old = world.promote()
      say(`${world.server.name}; ${old.name} ${isZombie ? 'lives on' : 'is dead'}`, true)
      if (!isZombie) old.restart()
      // Those who are connected to the old one stay there for a while, or until something breaks.
      else for (const each of world.living) if (draw() < 0.6) network.cut(each.name)
      return
    }
    case 'full':
      say(`for ${lastsMs.toFixed(0)} ms`)
      server.full = true
      return later(() => (server.full = false))
    case 'loading':
      say(`for ${lastsMs.toFixed(0)} ms`)
      server.loading = true
      return later(() => (server.loading = false))
    case 'read-only':
      say(`for ${lastsMs.toFixed(0)} ms`)
      server.readOnly = true
      return later(() => (server.readOnly = false))
    case 'restored':
      // It ends every lease: loads that take longer than the time between two of them would never end.
      if (draw() < 0.7 || ++world.restores > MOST_RESTORES) return
      say(process.name)
      // A process that is stopped or dies does not get to it.
      process.tiers.restored().catch(() => undefined)
      return
  }
}
