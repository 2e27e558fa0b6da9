import { ManualClock } from '@tidemark/testkit'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  ALL_KEYS,
  createMemoryBack,
  type Found,
  type LoadOptions,
  type MemoryBack,
  type ReadOptions,
  Store,
  StoreKey,
} from '../../src/index.ts'

const HOUR = 3_600_000
/** The timeouts end before the first renewal of the lease. */
const options: LoadOptions = { ttlMs: 1_000, graceMs: HOUR, jitter: 0, hardTimeoutMs: 300, leaseMs: 60_000 }

interface Started {
  readonly clock: ManualClock
  readonly back: MemoryBack
  readonly store: Store
  /** A call whose loader hangs, once that was called. */
  readonly hang: (more?: LoadOptions) => Promise<{ readonly reading: Promise<unknown> }>
}

function start(onError?: (error: unknown) => void): Started {
  const clock = new ManualClock()
  const back = createMemoryBack({ clock })
  const store = new Store(back, { clock, ...(onError && { onError }) })
  onTestFinished(() => store.close())
  return {
    clock,
    back,
    store,
    async hang(more) {
      const called = Promise.withResolvers<void>()
      const load = (): Promise<never> => (called.resolve(), new Promise(() => undefined))
      const reading = store.getOrSet('k', load, { ...options, ...more })
      reading.catch(() => undefined)
      await called.promise
      return { reading }
    },
  }
}

/** With a last value in its grace. */
async function startStale(onError?: (error: unknown) => void): Promise<Started> {
  const started = start(onError)
  await started.store.getOrSet('k', () => 'last', options)
  started.clock.advance(2_000)
  return started
}

/** The same data for another store that shares no load with this one. */
function anotherView(back: MemoryBack): MemoryBack {
  return new Proxy(back, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

describe('at its timeout a load that hangs', () => {
  it('gives way to what was written meanwhile', async () => {
    const { store, clock, hang } = start()
    const { reading } = await hang()
    await store.set('k', 'newer')
    clock.advance(300)
    expect(await reading).toBe('newer')
  })

  it('gives way to the knowledge that there is nothing', async () => {
    const { back, clock, hang } = start()
    const { reading } = await hang()
    // As another process does: under a lease that it took over.
    const elsewhere = new Store(anotherView(back), { clock })
    await back.leases.endRange(ALL_KEYS)
    await elsewhere.getOrSet('k', () => undefined, { negativeTtlMs: HOUR })
    clock.advance(300)
    expect(await reading).toBeUndefined()
  })

  it.each([{ softTimeoutMs: 100 }, {}])('gives way to what was written, not to the last value (%o)', async (more) => {
    const { store, clock, hang } = await startStale()
    const { reading } = await hang(more)
    await store.set('k', 'newer')
    clock.advance(more.softTimeoutMs ?? 300)
    expect(await reading).toBe('newer')
  })

  it('finds no last value that was deleted, and is waited for until the hard timeout', async () => {
    const { store, clock, back, hang } = await startStale()
    const { reading } = await hang({ softTimeoutMs: 100 })
    await store.delete('k')
    const looked = vi.spyOn(back, 'readOne')
    const ended = vi.fn()
    reading.then(ended, ended)
    clock.advance(100)
    await vi.waitFor(() => expect(looked.mock.calls.length).toBeGreaterThan(1))
    expect(ended).not.toHaveBeenCalled()
    clock.advance(200)
    await expect(reading).rejects.toMatchObject({ code: 'LOAD_TIMEOUT' })
  })

  it('is waited for, and not asked about again and again, where a front still shows the deleted value', async () => {
    const { store, clock, back, hang } = await startStale()
    const shown = back.readOne(StoreKey.of('k'))
    let looks = 0
    const { reading } = await hang({ softTimeoutMs: 100 })
    await store.delete('k')
    const found = back.readOne(StoreKey.of('k'))
    const readOne = (_key: StoreKey, options?: ReadOptions): Found | Promise<never> => {
      // Not for ever, which would leave this test no turn to fail in.
      if (++looks > 50) return new Promise(() => undefined)
      return options?.consistency === 'linearizable' ? found : shown
    }
    vi.spyOn(back, 'readOne').mockImplementation(readOne as typeof back.readOne)
    clock.advance(100)
    await vi.waitFor(() => expect(looks).toBeGreaterThan(1))
    clock.advance(200)
    await expect(reading).rejects.toMatchObject({ code: 'LOAD_TIMEOUT' })
    expect(looks).toBeLessThan(10)
  })

  it('gives way to the last value when the back tier cannot say whether it is still there', async () => {
    const { clock, back, hang } = await startStale()
    const { reading } = await hang()
    vi.spyOn(back, 'readOne').mockImplementation(() => {
      throw new Error('broken')
    })
    clock.advance(300)
    expect(await reading).toBe('last')
  })
})

describe('an error handler that throws', () => {
  it('keeps nobody from the last value, and throws where nothing of the store can stop', async () => {
    const { store } = await startStale(() => {
      throw new Error('of the handler')
    })
    const later: (() => void)[] = []
    vi.stubGlobal('queueMicrotask', (task: () => void) => later.push(task))
    onTestFinished(() => void vi.unstubAllGlobals())
    const down = (): never => {
      throw new Error('down')
    }
    expect(await store.getOrSet('k', down, options)).toBe('last')
    expect(later).toHaveLength(1)
    expect(later[0]).toThrow('of the handler')
  })
})
