import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createCborCodec, createMemoryBack, Payload, Store, StoreKey, TidemarkError } from '../../src/index.ts'

const HOUR = 3_600_000

const busy = new TidemarkError('BUSY', 'others have it', { retryable: true })
const down = new Error('down')

describe('a hit', () => {
  it('costs the one read that a get costs, and of a tagged entry one more for all its tags', async () => {
    const back = createMemoryBack()
    const [one, many] = [vi.spyOn(back, 'readOne'), vi.spyOn(back, 'read')]
    const reads = (): readonly number[] => [one.mock.calls.length, many.mock.calls.length]
    const store = new Store(back)
    await store.set('plain', 1)
    await store.set('tagged', 1, { tags: ['t', 'u', 'v'] })
    await store.get('plain')
    await store.getOrSet('plain', () => 2, { ttlMs: HOUR, graceMs: HOUR, refreshAheadFraction: 0.1 })
    expect(reads()).toEqual([2, 0])
    await store.get('tagged')
    await store.getOrSet('tagged', () => 2)
    expect(reads()).toEqual([4, 2])
    await store.getMany(['tagged', 'plain', 'tagged'])
    expect(reads()).toEqual([4, 4])
    await store.getMany(['plain'])
    expect(reads()).toEqual([4, 5])
  })
})

it('a lease that no back tier would grant is refused by the name of its option', async () => {
  const store = new Store(createMemoryBack())
  const day = 24 * HOUR
  expect(await store.getOrSet('k', () => 1, { leaseMs: day })).toBe(1)
  const load = vi.fn()
  await expect((async () => store.getOrSet('other', load, { leaseMs: day + 1 }))()).rejects.toThrow(/option leaseMs/)
  expect(load).not.toHaveBeenCalled()
})

describe('trouble in the store', () => {
  it.each(['leases', 'commit'] as const)('is told as itself, not as what the loader did (%s)', async (part) => {
    let loads = 0
    const back = createMemoryBack()
    if (part === 'commit') vi.spyOn(back, 'commit').mockRejectedValue(busy)
    else vi.spyOn(back.leases, 'acquire').mockRejectedValue(busy)
    const error: unknown = await new Store(back).getOrSet('k', () => ++loads).catch((thrown: unknown) => thrown)
    expect(error).toBe(busy)
    expect(loads).toBe(part === 'commit' ? 1 : 0)
  })

  it('does not keep the last value from being served', async () => {
    let now = Date.now()
    const clock = { now: () => now, monotonic: () => 0, schedule: () => () => {}, sleep: async () => {} }
    const memory = createMemoryBack({ clock })
    const errors: unknown[] = []
    const store = new Store(memory, { clock, onError: (error) => errors.push(error) })
    await store.getOrSet('k', () => 'last', { ttlMs: 1000, graceMs: HOUR })
    now += 2000
    vi.spyOn(memory.leases, 'acquire').mockRejectedValue(busy)
    expect(await store.getOrSet('k', () => 'next', { ttlMs: 1000, graceMs: HOUR })).toBe('last')
    expect(errors).toEqual([busy])
  })
})

describe('a damaged value', () => {
  it('is loaded again, and is not shown to the loader', async () => {
    const codec = createCborCodec()
    const back = createMemoryBack({ codec })
    const store = new Store(back)
    const payload = Payload.fromBytes(codec, Uint8Array.of(1, 1, 0xff))
    const write = { op: 'set', key: StoreKey.of('k'), payload, expiresAt: undefined, meta: undefined } as const
    await back.commit({ reads: [], decide: () => [{ ...write, path: undefined }] })
    await expect(store.get('k')).rejects.toMatchObject({ code: 'CORRUPT' })
    const reading = [1, 2].map(() => store.getOrSet('k', ({ previous }) => ({ previous: previous ?? 'none' })))
    expect(await Promise.all(reading)).toEqual([{ previous: 'none' }, { previous: 'none' }])
    expect(await store.get('k')).toEqual({ previous: 'none' })
    expect(await back.log.head()).toBe(2)
  })
})

describe('a failure that nobody waits for', () => {
  it('goes to the console when it has no other place to go', async () => {
    const seen: unknown[] = []
    const spy = vi.spyOn(console, 'error').mockImplementation((...args) => void seen.push(...args))
    onTestFinished(() => spy.mockRestore())
    let now = Date.now()
    const clock = { now: () => now, monotonic: () => 0, schedule: () => () => {}, sleep: async () => {} }
    const store = new Store(createMemoryBack({ clock }), { clock })
    await store.getOrSet('k', () => 'last', { ttlMs: 1000, graceMs: HOUR })
    now += 2000
    const fail = (): Promise<never> => Promise.reject(down)
    expect(await store.getOrSet('k', fail, { ttlMs: 1000, graceMs: HOUR })).toBe('last')
    expect(seen).toEqual(['tidemark: a load in the background failed:', down])
  })
})
