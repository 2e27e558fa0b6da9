import { Tag } from 'cbor-x'
import { describe, expect, it } from 'vitest'
import { createCborCodec } from '../../src/codec/cbor.ts'
import { TidemarkError } from '../../src/errors.ts'

const codec = createCborCodec()

function refusalOf(value: unknown): TidemarkError {
  try {
    codec.encode(value)
  } catch (error) {
    expect(error).toBeInstanceOf(TidemarkError)
    expect(error).toMatchObject({ code: 'UNENCODABLE', retryable: false })
    return error as TidemarkError
  }
  throw new Error('it was encoded')
}

/** The view, after its memory has been handed over. */
function detached<View extends ArrayBufferView>(view: View): View {
  structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] })
  return view
}

class Account {
  balance = 1
}

class Registry extends Map<string, number> {}

describe('what cannot be stored', () => {
  it.each<[string, unknown, string]>([
    ['a function', () => 1, 'value is a function'],
    ['a method', { user: { save() {} } }, 'value.user.save is a function'],
    ['a toJSON method', { toJSON: () => 1 }, 'value.toJSON is a function'],
    ['a symbol', [1, Symbol('s')], 'value[1] is a symbol'],
    ['a class instance', { accounts: [new Account()] }, 'value.accounts[0] is an instance of Account'],
    ['a class', { Account }, 'value.Account is a function'],
    ['a subclass of Map', new Registry(), 'value is an instance of Registry'],
    ['a boxed primitive', Object(1), 'value is an instance of Number'],
    ['a promise', { 'odd name': Promise.resolve(1) }, 'value["odd name"] is a Promise; await it first'],
    ['a WeakMap', new WeakMap(), 'value is an instance of WeakMap'],
    ['a WeakRef', new WeakRef({}), 'value is an instance of WeakRef'],
    ['a generator', (function* () {})(), 'value is an instance of '],
    ['a URL', new URL('http://localhost'), 'value is an instance of URL'],
    ['a SharedArrayBuffer', new SharedArrayBuffer(1), 'value is an instance of SharedArrayBuffer'],
    ['an object made from another', Object.create({ inherited: 1 }), 'value is an instance of Object'],
    [
      'an array longer than V8 allocates',
      { list: Object.assign([], { length: 0x200_0001 }) },
      'value.list has more than',
    ],
    ['an array of nothing', { list: Object.assign([], { length: 2 ** 32 - 1 }) }, 'value.list has more than'],
    [
      'an array with more than 10,000 holes',
      { list: Object.assign([], { length: 10_001 }) },
      'value.list has more than 10000 holes; store a Map',
    ],
    [
      'an array of as many elements and more holes',
      { list: Object.assign([], { length: 0x200_0000, 5: 1 }) },
      'value.list has more than 10000 holes',
    ],
    [
      'a typed array on a detached buffer',
      { a: [detached(new Float64Array(2))] },
      'value.a[0] is on a detached buffer',
    ],
    ['a DataView on a detached buffer', { a: detached(new DataView(new ArrayBuffer(2))) }, 'value.a is on a detached'],
    ['a detached buffer', { a: detached(new Uint8Array(2)).buffer }, 'value.a is on a detached buffer'],
    ['a Tag of the library', { tag: new Tag(1, 46560) }, 'value.tag is an instance of Tag'],
    ['something under an empty name', { '': () => 1 }, 'value[""] is a function'],
    ['something in a Map', new Map([['k', () => 1]]), 'value.get("k") is a function'],
    ['a key of a Map', new Map([[() => 1, 1]]), 'value (key 0 of the Map) is a function'],
    ['something under an odd key of a Map', new Map([[1, () => 1]]), 'value (value 0 of the Map) is a function'],
    ['something in a Set', { s: new Set([1, () => 1]) }, 'value.s (element 1 of the Set) is a function'],
    ['a cause', { e: new Error('x', { cause: () => 1 }) }, 'value.e.cause is a function'],
  ])('%s is refused, with its path and what to do', (_name, value, message) => {
    const error = refusalOf(value)
    expect(error.message).toContain(message)
    expect(error.message).toMatch(/; .+/)
  })

  it('a pretender is refused', () => {
    for (const name of ['Map', 'Set', 'Date', 'RegExp', 'ArrayBuffer', 'Error']) {
      class Pretender {
        get [Symbol.toStringTag](): string {
          return name
        }
      }
      expect(refusalOf({ p: new Pretender() }).message).toContain('value.p')
    }
  })

  it('a failing getter is reported with its error', () => {
    const cause = new Error('boom')
    const value = {
      get a() {
        throw cause
      },
    }
    const error = refusalOf([value])
    expect(error.message).toContain('value[0].a could not be read')
    expect(error.cause).toBe(cause)
  })

  it('a value that contains itself is refused by where the cycle starts', () => {
    const self: Record<string, unknown> = {}
    self['self'] = self
    expect(refusalOf(self).message).toContain('value contains itself')
    const parent: Record<string, unknown> = { name: 'p' }
    parent['children'] = [{ parent }]
    expect(refusalOf({ tree: parent }).message).toMatch(/^value\.tree(\.children(\[0\])?)? contains itself/)
    const map = new Map<string, unknown>()
    map.set('map', map)
    expect(refusalOf({ map }).message).toContain('value.map contains itself')
    const set = new Set<unknown>()
    set.add([set])
    expect(refusalOf(set).message).toContain('contains itself')
    const error = new Error('x')
    error.cause = error
    expect(refusalOf(error).message).toContain('contains itself')
    expect(refusalOf([error]).message).toContain('value[0] contains itself')
  })

  it.each<[string, (inner: unknown) => unknown]>([
    ['arrays', (inner) => [inner]],
    ['arrays around half a pair', (inner) => [inner === 1 ? 'a\ud800' : inner]],
    ['arrays around an invalid date', (inner) => [inner === 1 ? new Date(NaN) : inner]],
    ['objects', (inner) => ({ inner })],
    ['Maps', (inner) => new Map([[1, inner]])],
    ['Sets', (inner) => new Set([inner])],
    ['errors', (inner) => new Error('x', { cause: inner })],
    ['errors in arrays', (inner) => [new Error('x', { cause: inner })]],
  ])('%s may be nested only so deep, and what may be encoded can be decoded', (_name, nest) => {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    try {
      let value: unknown = 1
      let deepest = 0
      for (let levels = 1; levels <= 510; levels++) {
        value = nest(value)
        let bytes: Uint8Array
        try {
          bytes = codec.encode(value)
        } catch {
          expect(refusalOf(value).message).toContain('is nested more than 500 levels deep')
          continue
        }
        codec.decode(bytes)
        deepest = levels
      }
      expect([500, 499, 498, 250, 167, 166]).toContain(deepest)
      for (let levels = 0; levels < 100_000; levels++) value = nest(value)
      const { message } = refusalOf(value)
      expect(message).toContain('is nested more than')
      expect(message.length).toBeLessThan(500)
    } finally {
      Error.stackTraceLimit = stackTraceLimit
    }
  })

  it('a stack that is nearly used up is refused, and leaves the codec working', () => {
    const nested = JSON.parse('['.repeat(400) + ']'.repeat(400)) as unknown
    const bytes = codec.encode(nested)
    const failures = new Set<unknown>()
    const descend = (work: () => void): void => {
      try {
        descend(work)
        work()
      } catch (error) {
        failures.add((error as TidemarkError).code ?? (error as Error).constructor)
        throw error
      }
    }
    for (const work of [() => codec.encode(nested), () => codec.decode(bytes)]) {
      expect(() => descend(work)).toThrow(
        expect.toSatisfy((error) => error instanceof RangeError || error instanceof TidemarkError),
      )
      expect(codec.decode(codec.encode({ a: 1 }))).toEqual({ a: 1 })
    }
    for (const failure of failures) expect([RangeError, 'UNENCODABLE', 'CORRUPT']).toContain(failure)
  })

  it('a refusal leaves the codec working', () => {
    refusalOf({ a: 'x'.repeat(10_000), b: () => 1 })
    expect(codec.decode(codec.encode({ a: 1 }))).toEqual({ a: 1 })
  })
})
