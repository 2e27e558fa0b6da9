import { describe, expect, it } from 'vitest'
import { createCborCodec } from '../../src/codec/cbor.ts'
import { type ClassesOptions, StoredInstance } from '../../src/codec/class-registry.ts'
import { createJsonCodec } from '../../src/codec/json.ts'
import { Payload } from '../../src/codec/payload.ts'
import { type RegisteringCodec } from '../../src/codec/registering-codec.ts'
import { CorruptError } from '../../src/errors.ts'

class Money {
  readonly amount: bigint
  readonly currency: string
  #formatted: string | undefined

  constructor(amount: bigint, currency: string) {
    this.amount = amount
    this.currency = currency
  }

  get formatted(): string {
    return (this.#formatted ??= `${this.amount} ${this.currency}`)
  }
}

class Point {
  x = 0
  y = 0
  get length(): number {
    return Math.hypot(this.x, this.y)
  }
}

class Failure extends Error {
  readonly reason: string
  constructor(reason: string) {
    super(`failed: ${reason}`)
    this.reason = reason
  }
}

const money = {
  type: Money,
  name: 'money',
  encode: ({ amount, currency }: Money) => [amount, currency],
  decode: ([amount, currency]: [bigint, string]) => new Money(amount, currency),
}
const classes = [money, { type: Point, name: 'point' }]

describe.each<[string, (options?: ClassesOptions) => RegisteringCodec]>([
  ['CBOR', createCborCodec],
  ['JSON', createJsonCodec],
])('%s: instances of a registered class', (_name, create) => {
  const through = (codec: RegisteringCodec, value: unknown): unknown => codec.decode(codec.encode(value))

  it('come back as instances, wherever they are', () => {
    const codec = create({ classes })
    const point = Object.assign(new Point(), { x: 3, y: 4 })
    const copy = through(codec, {
      list: [point],
      map: new Map([[new Money(1n, 'EUR'), point]]),
      set: new Set([point]),
    }) as {
      list: Point[]
      map: Map<Money, Point>
    }
    expect(copy.list[0]).toBeInstanceOf(Point)
    expect(copy.list[0]!.length).toBe(5)
    const [[key]] = [...copy.map] as [[Money, Point]]
    expect(key).toBeInstanceOf(Money)
    expect(key.formatted).toBe('1 EUR')
  })

  it('hold other instances, and are data to one who stores what encode returns', () => {
    const codec = create({ classes })
    const line = { from: new Point(), to: Object.assign(new Point(), { x: new Money(2n, 'CHF') as never }) }
    expect((through(codec, line) as typeof line).to.x).toBeInstanceOf(Money)
  })

  it('can be registered later, errors too', () => {
    const codec = create()
    expect(() => codec.encode(new Point())).toThrow(/value is an instance of Point; register the class/)
    expect(codec.register(Point, { name: 'point' })).toBe(codec)
    codec.register(Failure, {
      name: 'failure',
      encode: ({ reason }) => reason,
      decode: (reason) => new Failure(reason as string),
    })
    expect(through(codec, new Point())).toBeInstanceOf(Point)
    const failure = through(codec, new Failure('late')) as Failure
    expect(failure).toBeInstanceOf(Failure)
    expect(failure.message).toBe('failed: late')
  })

  it('are not those of a subclass, which would come back as less than it was', () => {
    class Point3 extends Point {
      z = 0
    }
    expect(() => create({ classes }).encode([new Point3()])).toThrow(/value\[0\] is an instance of Point3/)
  })

  it('are corrupt where nobody has registered the class, or kept and stored again as what they were', () => {
    const bytes = create({ classes }).encode({ price: new Money(7n, 'EUR') })
    expect(() => create().decode(bytes)).toThrow(CorruptError)
    expect(() => create().decode(bytes)).toThrow(/the class money, which is not registered/)
    const keeping = create({ unknownClass: 'keep' })
    const kept = keeping.decode(bytes) as { price: StoredInstance }
    expect(kept.price).toBeInstanceOf(StoredInstance)
    expect(kept.price).toMatchObject({ className: 'money', data: [7n, 'EUR'] })
    const back = create({ classes }).decode(keeping.encode(kept)) as { price: Money }
    expect(back.price.formatted).toBe('7 EUR')
  })

  it('that cannot be made of what is stored are corrupt, and the cause says why', () => {
    const writing = create({ classes })
    const reading = create()
    const cause = new Error('not today')
    reading.register(Money, {
      name: 'money',
      decode() {
        throw cause
      },
    })
    let thrown: unknown
    try {
      reading.decode(writing.encode(new Money(1n, 'EUR')))
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(CorruptError)
    expect(thrown).toMatchObject({ cause })
  })

  it('whose data cannot be stored are refused with their path', () => {
    const codec = create()
    codec.register(Point, { name: 'point', encode: () => ({ x: () => 1 }) })
    expect(() => codec.encode({ at: [new Point()] })).toThrow(/value\.at\[0\]\.x is a function/)
  })

  it('that hold themselves are refused', () => {
    const codec = create({ classes })
    const point = new Point() as Point & { self?: unknown }
    point.self = point
    expect(() => codec.encode(point)).toThrow(/contains itself/)
  })

  it('are a copy of each reader’s own', () => {
    const payload = Payload.encode(create({ classes }), new Point())
    ;(payload.read() as Point).x = 9
    expect((payload.read() as Point).x).toBe(0)
  })

  it('may be of a subclass of Array, Map or Date, of which it is told how', () => {
    class Path extends Array<string> {
      absolute = false
    }
    class Registry extends Map<string, number> {}
    class Day extends Date {}
    const codec = create()
    codec.register(Path, {
      name: 'path',
      encode: (path) => [path.absolute, [...path]] as const,
      decode: ([absolute, steps]) => Object.assign(Path.from(steps) as Path, { absolute }),
    })
    codec.register(Registry, { name: 'registry', encode: (map) => [...map], decode: (pairs) => new Registry(pairs) })
    codec.register(Day, { name: 'day', encode: (day) => day.getTime(), decode: (ms) => new Day(ms) })
    const path = Object.assign(Path.from(['a', 'b']) as Path, { absolute: true })
    const copy = through(codec, [path, new Registry([['x', 1]]), new Day(5), ['plain'], new Date(6)]) as unknown[]
    expect(copy).toEqual([path, new Registry([['x', 1]]), new Day(5), ['plain'], new Date(6)])
    expect(copy.map((each) => each!.constructor)).toEqual([Path, Registry, Day, Array, Date])
    const payload = Payload.encode(codec, path)
    ;(payload.read() as Path).absolute = false
    expect(payload.read()).toEqual(path)
    for (const type of [
      class extends Array {},
      class extends Set {},
      class extends Uint8Array {},
      class extends Error {},
    ]) {
      expect(() => create().register(type as never, { name: 'none' })).toThrow(/register it with encode and decode/)
    }
  })

  it('are not values that are stored as what they are', () => {
    for (const type of [
      Object,
      Array,
      Date,
      Map,
      Uint8Array,
      Float64Array,
      DataView,
      Error,
      TypeError,
      StoredInstance,
    ]) {
      const options = { name: 'mine', encode: () => 1, decode: () => ({}) }
      expect(() => create().register(type as never, options)).toThrow(/are stored as what they are/)
    }
  })

  it('that decode does not give back are corrupt', () => {
    const bytes = create({ classes }).encode({ at: new Point() })
    const none = create().register(Point, { name: 'point', decode: () => undefined as never })
    expect(() => none.decode(bytes)).toThrow(CorruptError)
  })

  it('have one class per name, and one name per class', () => {
    const codec = create({ classes })
    expect(() => codec.register(Failure, { name: 'money' })).toThrow(TypeError)
    expect(() => codec.register(Money, { name: 'cash' })).toThrow(TypeError)
    expect(() => codec.register(Failure, { name: '' })).toThrow(TypeError)
    expect(() => codec.register(Failure, { name: 'f', encoder: 1 } as never)).toThrow(/encoder/)
    expect(() => create({ class: [] } as never)).toThrow(TypeError)
    expect(() => create({ unknownClass: 'drop' as never })).toThrow(RangeError)
  })
})

// Stored in databases and fronts.
it('is this form, in CBOR and in JSON', () => {
  const value = new Money(1n, 'EUR')
  expect(Buffer.from(createCborCodec({ classes }).encode(value)).toString('hex')).toBe(
    'd9b5e982656d6f6e6579821b000000000000000163455552',
  )
  expect(Buffer.from(createJsonCodec({ classes }).encode(value)).toString()).toBe(
    '{"$class":["money",[{"$bigint":"1"},"EUR"]]}',
  )
})
