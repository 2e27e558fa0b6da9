import { type SharedFront, StoreKey, type TidemarkError } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import {
  type CallFate,
  change,
  missing,
  runInVirtualTime,
  simulatedFront,
  SimulatedNetwork,
  SimulatedServer,
  VirtualClock,
} from '../../src/index.ts'

const KEY = StoreKey.of('a')
const LIMIT_MS = 5_000

class Scene {
  readonly clock = new VirtualClock()
  readonly server = new SimulatedServer({ clock: this.clock })
  readonly fates = new Map<string, CallFate>()
  readonly executed: string[] = []
  readonly network = new SimulatedNetwork({
    clock: this.clock,
    server: this.server,
    fateOf: ({ command }) => this.fates.get(command) ?? { before: 1, after: 1 },
    onExecuted: ({ command, server }) => this.executed.push(`${command} ${server}`),
  })

  front(client = 'client'): SharedFront {
    return simulatedFront(this.network, { client, clock: this.clock, commandTimeoutMs: 50, reconnectMs: 30 })
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    return runInVirtualTime(this.clock, work(), LIMIT_MS)
  }

  async started(client?: string): Promise<SharedFront> {
    const front = this.front(client)
    await this.begun(front)
    if (front.session?.epoch === undefined) {
      await front.initialize(async () => ({ epoch: '00000001', head: 10, mark: 'm' }))
    }
    return front
  }

  async begun(front: SharedFront): Promise<void> {
    while (front.session === undefined) await this.clock.sleep(1)
  }
}

describe('the simulated network', () => {
  it('takes its time, and keeps what one connection sends in order', async () => {
    const scene = new Scene()
    await scene.run(async () => {
      const front = await scene.started()
      scene.fates.set('apply', { before: 20, after: 1 })
      const since = scene.clock.monotonic()
      const applying = front.apply([change(11, 'a', 1)], 'install')
      const [found] = await front.read([KEY], front.session!)
      expect(found?.entry?.version).toBe(11)
      expect(await applying).toEqual(['installed'])
      expect(scene.clock.monotonic() - since).toBe(21)
    })
  })

  it('loses a command, or only its reply, when the connection breaks', async () => {
    const scene = new Scene()
    await scene.run(async () => {
      const front = await scene.started()
      for (const [fault, version] of [
        ['cut-before', undefined],
        ['cut-after', 11],
      ] as const) {
        await scene.begun(front)
        scene.fates.set('apply', { before: 1, after: 1, fault })
        const session = front.session
        expect(await codeOf(front.apply([change(11, 'a', 1)], 'install'))).toBe('FRONT_UNAVAILABLE')
        expect(front.session).toBeUndefined()
        await scene.begun(front)
        expect(front.session).not.toBe(session)
        expect((await front.inspect(KEY)).record?.version).toBe(version)
      }
    })
  })

  it('delivers late what was sent on a connection that is gone', async () => {
    const scene = new Scene()
    await scene.run(async () => {
      const front = await scene.started()
      scene.fates.set('apply', { before: 500, after: 1, fault: 'cut-now' })
      expect(await codeOf(front.apply([change(11, 'a', 1)], 'install'))).toBe('FRONT_UNAVAILABLE')
      await scene.begun(front)
      scene.fates.delete('apply')
      expect(await front.apply([change(12, 'a', 2)], 'install')).toEqual(['installed'])
      await scene.clock.sleep(600)
      expect((await front.inspect(KEY)).record?.version).toBe(12)
      expect(scene.executed.filter((each) => each.startsWith('apply'))).toHaveLength(2)
    })
  })

  it('ends every call in time, whether a server, a direction or everything is silent', async () => {
    for (const silence of ['stop', 'stall-before', 'stall-after', 'partition'] as const) {
      const scene = new Scene()
      await scene.run(async () => {
        const front = await scene.started()
        const { session } = front
        if (silence === 'stop') scene.server.stop()
        else if (silence === 'partition') scene.network.partition('client')
        else scene.fates.set('read', { before: 1, after: 1, fault: silence })
        const since = scene.clock.monotonic()
        expect(await codeOf(front.read([KEY], session!))).toBe('TIMEOUT')
        expect(scene.clock.monotonic() - since).toBe(50)
        // Until a probe has succeeded, nobody waits again.
        expect(front.session).toBeUndefined()
        expect(await codeOf(front.fill([missing('a', 10)]).then(() => front.look()))).toBe('FRONT_UNAVAILABLE')
        scene.fates.clear()
        scene.server.resume()
        scene.network.heal('client')
        await scene.begun(front)
        expect(front.session).not.toBe(session)
        expect(await front.read([KEY], front.session!)).toEqual([undefined])
      })
    }
  })

  it('leads to another server after a failover, and only whom it is told to', async () => {
    const scene = new Scene()
    await scene.run(async () => {
      const [here, there] = [await scene.started('here'), await scene.started('there')]
      const replica = new SimulatedServer({ name: 'replica', clock: scene.clock, snapshot: scene.server.snapshot() })
      await here.apply([change(11, 'a', 1)], 'install')
      scene.network.routeAll(replica)
      scene.network.cut('there')
      expect(there.session).toBeUndefined()
      await scene.begun(there)
      expect(there.session).toEqual({ server: replica.runId, epoch: '00000001' })
      expect(here.session?.server).toBe(scene.server.runId)
      // What was not replicated is gone there.
      expect((await there.inspect(KEY)).record).toBeUndefined()
      expect((await here.inspect(KEY)).record?.version).toBe(11)
    })
  })

  it('comes back with another run, and what its snapshot held, when the server restarts', async () => {
    const scene = new Scene()
    await scene.run(async () => {
      const front = await scene.started()
      const old = scene.server.snapshot()
      const step = { from: 10, to: 11, changes: [change(11, 'a', 1)], mark: 'n', tailer: 'me' }
      expect(await front.tail(step)).toBe(11)
      const session = front.session!
      scene.server.restart(old)
      await scene.begun(front)
      expect(front.session!.server).not.toBe(session.server)
      expect(await front.look()).toMatchObject({ watermark: 10, mark: 'm' })
      scene.server.restart()
      await scene.begun(front)
      expect(front.session!.epoch).toBeUndefined()
    })
  })

  it('shows what a server refuses as a front that cannot be used', async () => {
    const scene = new Scene()
    await scene.run(async () => {
      const front = await scene.started()
      await front.apply([change(11, 'a', 1)], 'install')
      scene.server.full = true
      expect(await codeOf(front.fill([missing('b', 11)]))).toBe('FRONT_UNAVAILABLE')
      // What is to be removed needs no memory.
      expect(await front.apply([change(12, 'a', 2)], 'install')).toEqual(['removed'])
      scene.server.readOnly = true
      expect(await codeOf(front.apply([change(13, 'a', 3)], 'invalidate'))).toBe('FRONT_UNAVAILABLE')
      expect(await front.look()).toMatchObject({ watermark: 10 })
      scene.server.loading = true
      expect(await codeOf(front.look())).toBe('FRONT_UNAVAILABLE')
    })
  })
})

async function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call
    return undefined
  } catch (error) {
    return (error as TidemarkError).code
  }
}
