import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { changeJson, toJsonForm, Uuid } from '../../src/index.ts'
import { value } from './arbitrary-values.ts'

const UUID = '0190f3a4-9c1e-7a52-8b1d-3f0e6f5d2c11'

// Files and receivers hold these: a line that has to be changed here breaks them.
test.each<[unknown, string]>([
  [null, 'null'],
  ['', '""'],
  ['\ud800', String.raw`"\ud800"`],
  [-0, '{"$number":"-0"}'],
  [Number.NaN, '{"$number":"NaN"}'],
  [-Infinity, '{"$number":"-Infinity"}'],
  [1e300, '1e+300'],
  [2n ** 64n, '{"$bigint":"18446744073709551616"}'],
  [new Uint8Array([0, 255, 16]), '{"$bytes":"AP8Q"}'],
  [new Date(0), '{"$date":"1970-01-01T00:00:00.000Z"}'],
  [new Date(Number.NaN), '{"$date":null}'],
  [Uuid.parse(UUID), `{"$uuid":"${UUID}"}`],
  [new Map([[1n, 'one']]), '{"$map":[[{"$bigint":"1"},"one"]]}'],
  [new Set([new Set()]), '{"$set":[{"$set":[]}]}'],
  [/a\/b/gi, String.raw`{"$regexp":["a\\/b","gi"]}`],
  [new Uint16Array([1, 2]), '{"$view":["Uint16Array","AQACAA=="]}'],
  [new Uint8Array([1]).buffer, '{"$view":["ArrayBuffer","AQ=="]}'],
  [new RangeError('far', { cause: 1n }), '{"$error":{"name":"RangeError","message":"far","cause":{"$bigint":"1"}}}'],
  [{ a: undefined, b: [undefined] }, '{"a":{"$undefined":true},"b":[{"$undefined":true}]}'],
  // oxlint-disable-next-line no-sparse-arrays
  [[, 1], '[{"$hole":true},1]'],
  [{ $date: 'x' }, '{"$plain":{"$date":"x"}}'],
  [{ $plain: 1 }, '{"$plain":{"$plain":1}}'],
  [{ $date: 'x', other: 1 }, '{"$date":"x","other":1}'],
  [JSON.parse('{"__proto__":1}'), '{"__proto__":1}'],
])('%s', (input, text) => {
  expect(JSON.stringify(toJsonForm(input))).toBe(text)
})

it('takes every value that can be stored, and nothing is lost', () => {
  fc.assert(
    fc.property(value.filter(hasNoErrors), (input) => {
      // Unlike `toStrictEqual` it is not misled by a property that is called constructor.
      deepStrictEqual(fromForm(JSON.parse(JSON.stringify(toJsonForm(input)))), input)
    }),
    { numRuns: 1_000 },
  )
})

it('takes bytes of any length', () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i)
  expect(fromForm(toJsonForm(bytes))).toEqual(bytes)
})

describe('a change', () => {
  it('is one line, its id first, without the fields that it does not have', () => {
    const change = { toJSON: () => ({ seq: 7, path: undefined, value: 'a\nb', key: ['user', 42n] }) }
    expect(changeJson('log:0:7', change)).toBe(
      String.raw`{"id":"log:0:7","seq":7,"value":"a\nb","key":["user",{"$bigint":"42"}]}`,
    )
  })
})

/** Without the stack, an error is told and not kept. */
function hasNoErrors(input: unknown): boolean {
  return !JSON.stringify(toJsonForm(input)).includes('$error')
}

function fromForm(form: unknown): unknown {
  if (typeof form !== 'object' || form === null) return form
  if (Array.isArray(form)) {
    const array: unknown[] = []
    array.length = form.length
    for (const [i, part] of form.entries()) if (!isHole(part)) array[i] = fromForm(part)
    return array
  }
  const [[kind, held] = ['', undefined as never], ...others] = Object.entries(form) as [string, never][]
  if (others.length > 0 || !kind.startsWith('$')) return recordOf(form)
  return READERS[kind]!(held)
}

const isHole = (part: unknown): boolean => typeof part === 'object' && part !== null && '$hole' in part
const recordOf = (form: object): object =>
  Object.fromEntries(Object.entries(form).map(([name, part]) => [name, fromForm(part)]))
const bytesOf = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, 'base64'))

const READERS: Readonly<Record<string, (held: never) => unknown>> = {
  $plain: (held: object) => recordOf(held),
  $number: Number,
  $bigint: (held: string) => BigInt(held),
  $bytes: (held: string) => bytesOf(held),
  $date: (held: string | null) => new Date(held ?? Number.NaN),
  $undefined: () => undefined,
  $map: (held: [unknown, unknown][]) => new Map(held.map(([key, part]) => [fromForm(key), fromForm(part)])),
  $set: (held: unknown[]) => new Set(held.map(fromForm)),
  $regexp: ([source, flags]: [string, string]) => new RegExp(source, flags),
  $view: ([kind, held]: [string, string]) => viewOf(kind, bytesOf(held).buffer),
}

function viewOf(kind: string, buffer: ArrayBuffer): unknown {
  if (kind === 'ArrayBuffer') return buffer
  const View = (globalThis as unknown as Record<string, new (held: ArrayBuffer) => unknown>)[kind]!
  return new View(buffer)
}
