import { draftOf } from './draft.ts'
import { kindOf } from './kinds.ts'

/** As deep as the codec goes, less what journal and snapshot put around a state. */
const MAX_DEPTH = 480

/**
 * @throws TypeError naming the place of what cannot be stored: a function, an instance of a class, what contains itself
 */
export function checkStorable(value: unknown, path: string, depth: number): void {
  if (typeof value === 'function' || typeof value === 'symbol') throw refused(path, `is a ${typeof value}`)
  if (typeof value !== 'object' || value === null) return
  if (depth > MAX_DEPTH) throw refused(path, 'is nested too deeply, or contains itself')
  const draft = draftOf(value)
  if (draft !== undefined) return draft.check(path, depth)
  switch (kindOf(value)) {
    case 'record':
      for (const name of Object.keys(value)) {
        checkStorable((value as Record<string, unknown>)[name], `${path}.${name}`, depth + 1)
      }
      return
    case 'array':
      for (let i = 0; i < (value as unknown[]).length; i++) {
        checkStorable((value as unknown[])[i], `${path}[${i}]`, depth + 1)
      }
      return
    case 'map':
      for (const [key, element] of value as Map<unknown, unknown>) {
        checkMapKey(key, path)
        checkStorable(element, `${path}.get(${String(key)})`, depth + 1)
      }
      return
    case 'set':
      for (const member of value as Set<unknown>) checkStorable(member, `a member of ${path}`, depth + 1)
      return
    case undefined:
      throw refused(path, `is an instance of ${value.constructor?.name ?? 'a class'}`)
  }
}

/** An object is found by being the same one, which it is not any more when it comes from the disk. */
export function checkMapKey(key: unknown, path: string): void {
  if ((typeof key === 'object' && key !== null) || typeof key === 'function' || typeof key === 'symbol') {
    throw new TypeError(`a key of ${path} is an object, function or symbol; keys of a Map in a state are primitives`)
  }
}

function refused(path: string, what: string): TypeError {
  return new TypeError(`${path} ${what}: only data can be in a state`)
}
