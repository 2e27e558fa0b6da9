import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Owned } from '../../src/draft/owned.ts'
import { lockDeep } from '../../src/draft/lock.ts'
import { Scope } from '../../src/draft/scope.ts'
import { storable } from '../../src/draft/storable.ts'
import { StateHash } from '../../src/draft/state-hash.ts'
import { runTransaction, type Settled } from '../../src/prevalent/transaction.ts'
import { WideMap } from '../../src/wide/wide-map.ts'
import { WideSet } from '../../src/wide/wide-set.ts'

type Plain = Record<string, unknown> | unknown[] | Map<unknown, unknown> | Set<unknown>

const isContainer = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !(value instanceof Date) && !(value instanceof Uint8Array)

const childrenOf = (container: Plain): unknown[] =>
  container instanceof Set ? [] : container instanceof Map ? [...container.values()] : Object.values(container)

/** Every container, each under each way to it, but for those inside of Sets. */
function containersIn(root: unknown): Plain[] {
  const found: Plain[] = []
  const visit = (value: unknown): void => {
    if (!isContainer(value)) return
    found.push(value)
    for (const child of childrenOf(value)) visit(child)
  }
  visit(root)
  return found
}

/** As decoding what was encoded: the same value, in which nothing occurs twice. */
function copyOf<T>(value: T): T {
  if (value instanceof Date) return new Date(value) as T
  if (value instanceof Uint8Array) return value.slice() as T
  if (!isContainer(value)) return value
  if (value instanceof Map) return new Map(Array.from(value, ([key, element]) => [key, copyOf(element)])) as T
  if (value instanceof Set) return new Set(Array.from(value, copyOf)) as T
  if (Array.isArray(value)) return value.map(copyOf) as T
  return Object.fromEntries(Object.entries(value).map(([name, property]) => [name, copyOf(property)])) as T
}

/** In order, too, which `toEqual` does not look at. */
function shown(value: unknown): unknown {
  if (value instanceof Map) return { map: Array.from(value, ([key, element]) => [key, shown(element)]) }
  if (value instanceof Set) return { set: Array.from(value, shown) }
  if (Array.isArray(value)) return { array: Array.from(value, (e, i) => (i in value ? shown(e) : 'a hole')) }
  if (isContainer(value)) return { record: Object.entries(value).map(([name, property]) => [name, shown(property)]) }
  return value
}

interface Step {
  readonly pick: number
  readonly other: number
  readonly what: number
  readonly key: string
  readonly value: unknown
}

function contains(outer: unknown, inner: Plain): boolean {
  return outer === inner || (isContainer(outer) && childrenOf(outer).some((child) => contains(child, inner)))
}

/** Does one thing to one container, whatever it is: the same to a draft as to a plain value. */
function perform(root: unknown, { pick, other, what, key, value }: Step): void {
  const all = containersIn(root)
  const container = all[pick % all.length]!
  const source = all[other % all.length]!
  // A part of the state that is put somewhere else, too; not into itself.
  const put = what % 3 === 0 && !contains(source, container) ? source : copyOf(value)
  if (Array.isArray(container)) {
    const at = pick % (container.length + 1)
    const steps = [
      () => container.push(put),
      () => container.pop(),
      () => container.splice(at, what % 3, put),
      () => container.shift(),
      () => container.unshift(put, 1),
      () => void (container[at] = put),
      () => container.reverse(),
      () => void (container.length = at),
      () => container.sort((a, b) => (typeof a).localeCompare(typeof b)),
      () => container.copyWithin(0, at),
      () => void (container.length = Math.min(8, at + 2)),
      () => Reflect.deleteProperty(container, at),
    ]
    steps[what % steps.length]!()
  } else if (container instanceof Map) {
    if (what % 4 === 0) container.delete(key)
    else if (what % 17 === 1) container.clear()
    else container.set(key, put)
  } else if (container instanceof Set) {
    if (what % 4 === 0) container.delete(key)
    else if (what % 17 === 1) container.clear()
    else container.add(what % 2 === 0 ? key : what)
  } else if (what % 4 === 0) delete container[key]
  else if (what % 7 === 1) Object.assign(container, { [key]: put, a: what })
  else container[key] = put
}

const key = fc.constantFrom('a', 'b', 'c', '1', '0', 'constructor')
const { value: arbitrary } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'medium' },
    fc.constantFrom(null, true, 0, -0, 1.5, Number.NaN, 'text', 10n, undefined, ''),
    fc.date().map((date) => date),
    fc.uint8Array({ maxLength: 3 }).map((bytes) => Uint8Array.from(bytes)),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(key, tie('value'), { maxKeys: 3, noNullPrototype: true }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.uniqueArray(key, { maxLength: 3 }).map((members) => new Set(members)),
  ),
}))
const step = fc.record({ pick: fc.nat(50), other: fc.nat(50), what: fc.nat(50), key, value: arbitrary })
const transaction = fc.record({
  steps: fc.array(step, { maxLength: 6 }),
  fails: fc.boolean(),
  /** Whether the state is handed out after it. */
  ends: fc.boolean(),
})

/** With the Maps and Sets in the form that they take when they are large. */
function widened(value: unknown): unknown {
  if (value instanceof Map) {
    const wide = WideMap.from(new Map())
    for (const [name, element] of value) wide.put(name, widened(element))
    return wide
  }
  if (value instanceof Set) return WideSet.from(value)
  if (Array.isArray(value)) return Array.from(value, widened)
  if (!isContainer(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, element]) => [name, widened(element)]))
}

const locked = (root: unknown): unknown => {
  lockDeep(root)
  return root
}

test.each([
  ['', false, locked],
  [' with large Maps and Sets', false, (root: unknown) => locked(widened(root))],
  [' of a state that nobody has seen yet', true, copyOf],
  [' with large Maps and Sets that nobody has seen yet', true, widened],
])(
  'a transaction over a draft%s does what it would do to a plain copy, and nothing when it throws',
  (_what, isPrivate, form) => {
    fc.assert(
      fc.property(
        fc.array(arbitrary, { maxLength: 3 }),
        fc.array(transaction, { maxLength: 8 }),
        (start, transactions) => {
          const owned = new Owned(isPrivate)
          const root = form(new Scope(new Owned()).settled(storable({ all: start, more: {} }, 'state', 0)))
          let real: Settled = { root, hash: StateHash.of(root) }
          let model: unknown = copyOf(root)
          const handedOut: [unknown, unknown][] = []
          for (const [i, { steps, fails, ends }] of transactions.entries()) {
            const run = ({ state }: { readonly state: unknown }): void => {
              for (const each of steps) perform(state, each)
              if (fails) throw new RangeError('no')
            }
            const circumstances = { number: i, now: 0, seed: 0 }
            try {
              real = runTransaction(run as never, real, { owned, args: [], circumstances })
              const changed = copyOf(model)
              run({ state: changed })
              model = copyOf(changed)
            } catch (error) {
              expect(error).toEqual(new RangeError('no'))
            }
            expect(shown(real.root)).toEqual(shown(model))
            expect(real.hash).toEqual(StateHash.of(copyOf(model)))
            if (ends) {
              owned.lock(real.root)
              handedOut.push([real.root, copyOf(model)])
            }
          }
          for (const [held, was] of handedOut) expect(shown(held)).toEqual(shown(was))
        },
      ),
      { numRuns: 300 },
    )
  },
)
