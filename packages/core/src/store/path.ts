import type { Path } from '../ports/log.ts'

/** What a read of a value, or of what lies at a path in it, may say. */
export interface GetOptions {
  /** Returned when there is nothing. A stored null or false is something. */
  readonly default?: unknown
}

/** Far deeper than a value can be nested. */
const MAX_STEPS = 500

/** A copy of the path, which nobody can change. @throws TypeError or RangeError when it is none. */
export function checkPath(path: Path): Path {
  if (!Array.isArray(path)) throw new TypeError("a path is an array of property names and indexes, e.g. ['tags', 0]")
  if (path.length > MAX_STEPS) throw new RangeError(`a path has at most ${MAX_STEPS} steps, not ${path.length}`)
  for (const step of path as Path) {
    if (typeof step === 'string' || (typeof step === 'number' && Number.isSafeInteger(step) && step >= 0)) continue
    throw new TypeError(`a path step is a property name or an index, not ${String(step)}`)
  }
  return Object.freeze(path.slice()) as Path
}

/** What lies at `path` inside `value`; undefined when any step of the way is absent. Own properties only. */
export function valueAt(value: unknown, path: Path): unknown {
  let current = value
  for (const step of path) {
    if (current instanceof Map) current = current.get(step)
    else if (typeof current === 'object' && current !== null && Object.hasOwn(current, step)) {
      current = (current as Record<string | number, unknown>)[step]
    } else return undefined
  }
  return current
}

/**
 * Puts `value` at `path` inside `root`, which the caller owns and which is changed in place. Absent containers on the way
 * are made: an array where the next step is a number, an object otherwise.
 * @returns the root, which is a new one when it was absent or when the path is empty
 * @throws TypeError when the way leads through something that is no container; RangeError when an array would get a hole.
 */
export function withValueAt(root: unknown, path: Path, value: unknown): unknown {
  const [step, ...rest] = path
  if (step === undefined) return value
  const container = root === undefined ? (typeof step === 'number' ? [] : {}) : root
  if (container instanceof Map) {
    container.set(step, withValueAt(container.get(step), rest, value))
  } else if (Array.isArray(container)) {
    if (typeof step !== 'number' || !Number.isInteger(step) || step < 0) {
      throw new TypeError(`a path step into an array must be an index, not ${JSON.stringify(step)}`)
    }
    if (step > container.length) {
      throw new RangeError(`index ${step} would leave a hole in an array of ${container.length}; append at its length`)
    }
    container[step] = withValueAt(container[step], rest, value)
  } else if (isPlainObject(container)) {
    const inner = withValueAt(Object.hasOwn(container, step) ? container[step] : undefined, rest, value)
    // Not by assignment: that would run the setter of __proto__.
    Object.defineProperty(container, step, { value: inner, writable: true, enumerable: true, configurable: true })
  } else {
    throw new TypeError(
      `the path step ${JSON.stringify(step)} leads into ${describe(container)}, which is replaced as a whole`,
    )
  }
  return container
}

function isPlainObject(value: unknown): value is Record<string | number, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function describe(value: unknown): string {
  return value === null ? 'null' : typeof value === 'object' ? `a ${value.constructor.name}` : `a ${typeof value}`
}
