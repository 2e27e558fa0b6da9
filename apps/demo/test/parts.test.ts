import { describe, expect, it } from 'vitest'
import { AliasSampler } from '../src/driver/alias-sampler.ts'
import { type Flags, parseFlags } from '../src/flags.ts'
import { DATA_SET_SIZE, readDataSet } from '../src/places/data-set.ts'
import { loadPlaces } from '../src/places/load.ts'
import { mergePatch } from '../src/places/merge-patch.ts'
import { toPlace } from '../src/places/place.ts'
import { clock, tiersOf } from '../src/view/format.ts'
import { BERLIN, startApi } from './support/api.ts'

describe('flags', () => {
  it('have the defaults of the fleet', () => {
    expect(parseFlags([])).toMatchObject({ forMs: undefined, json: false, instances: 3, useRedis: true, edits: 0.02 })
    expect((parseFlags([]) as Flags).dataDir).toMatch(/data$/)
  })

  it.each([
    ['20s', 20_000],
    ['500ms', 500],
    ['1.5m', 90_000],
    ['1h', 3_600_000],
  ])('--for %s', (text, ms) => {
    expect(parseFlags(['--for', text])).toMatchObject({ forMs: ms })
  })

  it.each([
    [['--fro', '20s'], /--fro/],
    [['20s'], /20s/],
    [['--for'], /--for/],
    [['--for', '20'], /20s, 500ms/],
    [['--for', '0s'], /--for/],
    [['--instances', '0'], /from 1 to 16/],
    [['--instances', '1.5'], /whole number/],
    [['--edits', '2'], /from 0 to 1/],
    [['--port', ''], /--port/],
    [['--kill', '--instances', '1'], /2 or more/],
  ])('%j is one line that says what is wrong', (args, message) => {
    expect(() => parseFlags(args)).toThrow(message)
    expect(() => parseFlags(args)).toThrow(/^[^\n]+$/)
  })

  it('--help wins', () => {
    expect(parseFlags(['--for', '1s', '--help'])).toBe('help')
  })
})

// The examples of RFC 7396, appendix A.
describe('a merge patch', () => {
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j + %j = %j', (target, patch, expected) => {
    expect(mergePatch(target, patch)).toEqual(expected)
  })

  it('touches no prototype', () => {
    const merged = mergePatch({}, JSON.parse('{"__proto__":{"polluted":1}}')) as object
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype)
    expect(Object.keys(merged)).toEqual(['__proto__'])
  })
})

describe('the sampler', () => {
  it('draws in proportion to the weights', () => {
    // A fixed sequence that covers the unit square evenly (R2, after M. Roberts).
    let n = 0
    const random = (): number => ((n++ % 2 === 0 ? 0.7548776662466927 : 0.5698402909980532) * Math.ceil(n / 2)) % 1
    const weights = [1, 0, 3, 6]
    const sampler = new AliasSampler(weights, random)
    const drawn = [0, 0, 0, 0]
    for (let i = 0; i < 10_000; i++) drawn[sampler.next()]!++
    for (const [i, weight] of weights.entries()) expect(drawn[i]! / 10_000).toBeCloseTo(weight / 10, 1.5)
    expect(drawn[1]).toBe(0)
  })

  it('refuses to draw from nothing', () => {
    expect(() => new AliasSampler([])).toThrow(RangeError)
    expect(() => new AliasSampler([0])).toThrow(RangeError)
  })
})

describe('the data set', () => {
  it('holds as many places as it says, each of them valid, none twice', async () => {
    const places = await readDataSet(Infinity)
    expect(places).toHaveLength(DATA_SET_SIZE)
    expect(new Set(places.map(({ id }) => id)).size).toBe(DATA_SET_SIZE)
    for (const { place } of places) toPlace(place)
  })

  it('goes on where an interrupted load has stopped, and is found afterwards', async () => {
    const api = await startApi()
    const places = Array.from({ length: 1_200 }, (_, i) => ({ id: i + 1, place: BERLIN }))
    const stop = new AbortController()
    const seen: number[] = []
    const onProgress = (done: number): void => {
      seen.push(done)
      if (done === 500) stop.abort()
    }
    expect(await loadPlaces(api.store, places, { signal: stop.signal, onProgress })).toBe(500)
    const { signal } = new AbortController()
    expect(await loadPlaces(api.store, places, { signal, onProgress: (done) => seen.push(done) })).toBe(700)
    const head = await api.store.head()
    expect(await loadPlaces(api.store, places, { signal, onProgress: (done) => seen.push(done) })).toBe(0)
    expect(await api.store.head()).toBe(head)
    expect(seen).toEqual([0, 500, 500, 1_000, 1_200, 1_200])
    expect((await api.send('GET', '/places?country=DE&after=1198')).body.places).toHaveLength(2)
    await api.close()
  })
})

describe('figures', () => {
  it('read as people write them', () => {
    expect([clock(59_999), clock(3_723_000)]).toEqual(['00:59', '1:02:03'])
    expect(tiersOf({ sqlite: 0, other: 0, near: 0, redis: 0 })).toEqual(['near', 'redis', 'sqlite', 'other'])
  })
})
