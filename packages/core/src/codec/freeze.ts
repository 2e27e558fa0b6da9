import { Uuid } from '../keys/uuid.ts'

/**
 * Freezes plain objects and arrays all the way down. `value` must be a tree, as every decoded value is.
 *
 * @returns true when the value consists of nothing but primitives and frozen plain data, and so can be shared between
 * readers; false when something in it (Date, Map, Set, typed array, Error, …) stays mutable whatever is frozen.
 */
export function freezeDeep(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'function'
  let shareable = true
  if (Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype) {
    for (let i = 0; i < value.length; i++) {
      if (canBeMutable(value[i]) && !freezeDeep(value[i])) shareable = false
    }
  } else {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null) return value instanceof Uuid
    for (const name in value) {
      const property: unknown = (value as Record<string, unknown>)[name]
      if (canBeMutable(property) && !freezeDeep(property)) shareable = false
    }
  }
  Object.freeze(value)
  return shareable
}

/** Most of what is in a value is not: this spares it a call. */
function canBeMutable(value: unknown): boolean {
  return typeof value === 'object' ? value !== null : typeof value === 'function'
}
