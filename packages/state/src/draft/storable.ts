import { draftOf } from './draft.ts'
import { type Bytes, copyOfBytes, copyOfRegExp, kindOf } from './kinds.ts'

/** As deep as the codec goes, less what journal and snapshot put around a state. */
const MAX_DEPTH = 480

/**
 * A copy of a value that a transaction has made, as decoding would give it, with the drafts in it still in their places.
 * What was given stays the transaction's own, and no code of the application runs after this.
 *
 * @throws TypeError naming the place of what cannot be stored: a function, an instance of a class, what contains itself
 */
export function storable(value: unknown, path: string, depth: number): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') throw refused(path, `is a ${typeof value}`)
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_DEPTH) throw refused(path, 'is nested too deeply, or contains itself')
  const draft = draftOf(value)
  if (draft !== undefined) {
    draft.check(path, depth)
    return value
  }
  switch (kindOf(value)) {
    case 'record':
      return storableRecord(value as Record<string, unknown>, path, depth)
    case 'array':
      // Holes stay holes.
      return (value as unknown[]).map((element, i) => storable(element, `${path}[${i}]`, depth + 1))
    case 'map': {
      const copy = new Map<unknown, unknown>()
      for (const [key, element] of value as Map<unknown, unknown>) {
        copy.set(mapKey(key, path), storable(element, `${path}.get(${String(key)})`, depth + 1))
      }
      return copy
    }
    case 'set': {
      const copy = new Set<unknown>()
      for (const member of value as Set<unknown>) copy.add(storable(member, `a member of ${path}`, depth + 1))
      return copy
    }
    case 'date':
      return new Date(value as Date)
    case 'regexp':
      return copyOfRegExp(value as RegExp)
    case 'bytes':
      return copyOfBytes(value as Bytes)
    case 'constant':
      return value
    default:
      throw refused(path, `is an instance of ${value.constructor?.name ?? 'a class'}`)
  }
}

/** @throws TypeError for an object: it is found by being the same one, which it is not any more when it comes from the disk */
export function mapKey(key: unknown, path: string): unknown {
  if ((typeof key === 'object' && key !== null) || typeof key === 'function' || typeof key === 'symbol') {
    throw new TypeError(`a key of ${path} is an object, function or symbol; keys of a Map in a state are primitives`)
  }
  return key
}

/** Getters are read once. */
function storableRecord(value: Record<string, unknown>, path: string, depth: number): Record<string, unknown> {
  const copy = { ...value }
  for (const symbol of Object.getOwnPropertySymbols(copy)) delete (copy as Record<symbol, unknown>)[symbol]
  for (const name in copy) {
    const property = copy[name]
    const stored = storable(property, `${path}.${name}`, depth + 1)
    // A data property by now, also one called __proto__, which an assignment would not replace.
    if (stored !== property) Object.defineProperty(copy, name, { value: stored })
  }
  return copy
}

function refused(path: string, what: string): TypeError {
  return new TypeError(`${path} ${what}: only data can be in a state`)
}
