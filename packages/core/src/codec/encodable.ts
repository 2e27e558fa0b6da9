import { Tag } from 'cbor-x/decode'
import * as tags from './cbor-tags.ts'
import type { ClassRegistry } from './class-registry.ts'
import { encodableBuiltin, enter } from './encodable-builtin.ts'
import { codeUnitsOf, isPlainText } from './plain-text.ts'
import { propertyStep, Refusal } from './refusal.ts'
import { setOwn } from './stored-error.ts'

const objectPrototype: unknown = Object.prototype
const hole = new Tag(undefined, tags.HOLE)
const negativeZero = new Tag(0, tags.NEGATIVE_ZERO)
const LARGE_BIGINT = 1n << BigInt(tags.MAX_BIGINT_BYTES * 8)

/**
 * A copy of `value`, of nothing but what cbor-x gives back exactly: what it would lose is in Tags, what it would mistake is
 * refused. No code of the application (a getter, a proxy) runs after this, so cbor-x writes what was looked at.
 *
 * @param depth how many containers lie around it
 * @throws Refusal
 */
export function encodable(value: unknown, depth: number, classes: ClassRegistry | undefined): unknown {
  switch (typeof value) {
    case 'string':
      return isPlainText(value) ? value : new Tag(codeUnitsOf(value), tags.UTF16)
    case 'number':
      return Object.is(value, -0) ? negativeZero : value
    case 'boolean':
    case 'undefined':
      return value
    case 'bigint':
      return value < LARGE_BIGINT && value > -LARGE_BIGINT ? value : new Tag(value.toString(16), tags.LARGE_BIGINT)
    case 'object':
      return value === null ? null : encodableObject(value, depth, classes)
    default:
      throw new Refusal(`is a ${typeof value}`, 'leave it out: only data can be stored')
  }
}

function encodableObject(value: object, depth: number, classes: ClassRegistry | undefined): unknown {
  enter(value, depth)
  if (Array.isArray(value) && classes?.of(value) === undefined) return encodableArray(value, depth, classes)
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === objectPrototype || prototype === null || isForeignPlainObject(prototype as object)
    ? encodableRecord(value as Record<string, unknown>, depth, classes)
    : encodableBuiltin(value, depth, encodable, classes)
}

/** Of another realm: a frame, or a test runner's sandbox. */
function isForeignPlainObject(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}

function encodableArray(value: readonly unknown[], depth: number, classes: ClassRegistry | undefined): unknown[] {
  const { length } = value
  if (length > tags.MAX_ELEMENTS) {
    throw new Refusal(`has more than ${tags.MAX_ELEMENTS} elements`, 'store its parts under keys of their own')
  }
  const copy: unknown[] = []
  let holes = 0
  let i = 0
  try {
    for (; i < length && holes <= tags.MAX_HOLES; i++) {
      const element = value[i]
      const isHole = element === undefined && !(i in value)
      if (isHole) holes++
      copy.push(isHole ? hole : encodable(element, depth + 1, classes))
    }
  } catch (thrown) {
    throw Refusal.from(thrown).within(value, `[${i}]`)
  }
  if (holes > tags.MAX_HOLES) {
    throw new Refusal(`has more than ${tags.MAX_HOLES} holes`, 'store a Map from index to element instead')
  }
  return copy
}

function encodableRecord(value: Record<string, unknown>, depth: number, classes: ClassRegistry | undefined): unknown {
  let name: string | undefined
  try {
    const copy = snapshot(value)
    let regular = true
    // Far faster than over Object.keys.
    for (const own in copy) {
      if (!Object.hasOwn(copy, own)) continue
      name = own
      if (own === '__proto__' || !isPlainText(own)) regular = false
      const property = copy[own]
      const replacement = encodable(property, depth + 1, classes)
      if (replacement !== property) setProperty(copy, own, replacement)
    }
    // With a constructor of its own, cbor-x looks at what else, such as an iterator, the object might be.
    if (copy['constructor'] !== Object) withoutSymbols(copy)
    return regular ? copy : new Tag(entries(copy), tags.RECORD)
  } catch (thrown) {
    throw Refusal.from(thrown).within(value, name === undefined ? failingStep(value) : propertyStep(name))
  }
}

/** All getters read, once. Copying by spread costs a fraction of what copying by name does. */
function snapshot(value: Record<string, unknown>): Record<string, unknown> {
  return { ...value }
}

function setProperty(copy: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') setOwn(copy, name, value, true)
  else copy[name] = value
}

function withoutSymbols(copy: Record<symbol, unknown>): void {
  for (const symbol of Object.getOwnPropertySymbols(copy)) delete copy[symbol]
}

function entries(copy: Record<string, unknown>): unknown[] {
  return Object.keys(copy).flatMap((name) => [encodable(name, 0, undefined), copy[name]])
}

/** The first getter that fails, if it does so again. */
function failingStep(value: Record<string, unknown>): string {
  for (const name of Object.keys(value)) {
    try {
      void value[name]
    } catch {
      return propertyStep(name)
    }
  }
  return ''
}
