import { isWide } from '../wide/is-wide.ts'
import { kindOf } from './kinds.ts'
import { refuseChange } from './refuse-change.ts'

const REFUSED = { value: refuseChange, enumerable: false }
const MAP_LOCK = { set: REFUSED, delete: REFUSED, clear: REFUSED }
const SET_LOCK = { add: REFUSED, delete: REFUSED, clear: REFUSED }

/** Whether a container is unchangeable, and then everything is that it holds. */
export function isLocked(container: object): boolean {
  return !Object.isExtensible(container)
}

/** Makes one container unchangeable, but not what it holds. A Map and a Set cannot be frozen: their methods refuse. */
export function lock(container: object): void {
  if (isLocked(container)) return
  if (isWide(container)) Object.freeze(container)
  else if (container instanceof Map) Object.defineProperties(container, MAP_LOCK)
  else if (container instanceof Set) Object.defineProperties(container, SET_LOCK)
  Object.freeze(container)
}

/** The same all the way down. */
export function lockDeep(value: unknown): void {
  if (typeof value !== 'object' || value === null || isLocked(value)) return
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) lockDeep(value[i])
  } else if (value instanceof Map) {
    for (const [key, element] of value) {
      lockDeep(key)
      lockDeep(element)
    }
  } else if (value instanceof Set) {
    for (const member of value) lockDeep(member)
  } else if (kindOf(value) === 'record') {
    for (const name in value) lockDeep((value as Record<string, unknown>)[name])
  } else {
    return
  }
  lock(value)
}
