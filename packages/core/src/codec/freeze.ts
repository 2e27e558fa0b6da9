/**
 * Freezes plain objects and arrays all the way down.
 *
 * @returns true when the value consists of nothing but primitives and frozen plain data, and so can be shared between
 * readers; false when something in it (Date, Map, Set, typed array, Error, …) stays mutable whatever is frozen.
 */
export function freezeDeep(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'function'
  if (Array.isArray(value)) {
    let shareable = true
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i]
      if (typeof item === 'object' && item !== null && !freezeDeep(item)) shareable = false
    }
    Object.freeze(value)
    return shareable
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  let shareable = true
  for (const name in value) {
    const item: unknown = (value as Record<string, unknown>)[name]
    if (typeof item === 'object' && item !== null && !freezeDeep(item)) shareable = false
  }
  Object.freeze(value)
  return shareable
}
