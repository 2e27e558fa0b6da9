import { WideMap } from '../wide/wide-map.ts'
import { WideSet } from '../wide/wide-set.ts'
import { isContainer } from './kinds.ts'
import { lock } from './lock.ts'

/** The same as an unchangeable container, and another object; what is no container is itself. */
export function twinOf(value: object): object {
  if (!isContainer(value)) return value
  const twin = shallow(value)
  lock(twin)
  return twin
}

function shallow(value: object): object {
  if (Array.isArray(value)) return value.slice()
  if (value instanceof Map) return WideMap.of(value) === undefined ? new Map(value) : WideMap.from(value)
  if (value instanceof Set) return WideSet.of(value) === undefined ? new Set(value) : WideSet.from(value)
  return { ...value }
}
