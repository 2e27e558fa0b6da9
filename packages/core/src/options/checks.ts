// What every package checks its options and arguments with, so that a wrong one reads the same wherever it is met.

/**
 * A misspelt option would otherwise do nothing.
 * @throws TypeError when it is no object of options, or naming the option that does not exist; `of` says of what, where
 * that is not plain
 */
export function assertKnown(options: object, known: readonly string[], of?: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`the options${of === undefined ? '' : ` of ${of}`} must be an object, not ${String(options)}`)
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    throw new TypeError(
      `unknown option ${name}${of === undefined ? '' : ` of ${of}`}; allowed: ${known.join(', ') || 'none'}`,
    )
  }
}

/** @throws RangeError naming the argument, unless it is a safe integer of at least `min`. */
export function wholeAtLeast(name: string, value: number, min: number): number {
  if (Number.isSafeInteger(value) && value >= min) return value
  throw new RangeError(`${name} must be a whole number of at least ${min}, not ${String(value)}`)
}

/** @throws TypeError or RangeError naming the argument, unless it is a number from `min` to `max`. */
export function between(name: string, value: unknown, min: number, max: number): number {
  const allowed = `${name} must be a number from ${min} to ${max}, not ${String(value)}`
  if (typeof value !== 'number') throw new TypeError(allowed)
  if (!(value >= min && value <= max)) throw new RangeError(allowed)
  return value
}

/** @throws TypeError or RangeError naming the argument, unless it is a whole number from `min` to `max`. */
export function wholeBetween(name: string, value: unknown, min: number, max: number): number {
  const number = between(name, value, min, max)
  if (!Number.isInteger(number)) throw new RangeError(`${name} must be a whole number, not ${number}`)
  return number
}

/** @throws TypeError or RangeError naming the argument, unless it is a finite number of milliseconds. */
export function duration(name: string, value: unknown): number {
  const allowed = `${name} must be 0 or more milliseconds, not ${String(value)}`
  if (typeof value !== 'number') throw new TypeError(allowed)
  if (!(value >= 0 && Number.isFinite(value))) throw new RangeError(allowed)
  return value
}

/** @throws TypeError or RangeError naming the argument and the choices. */
export function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  if (typeof value === 'string' && (allowed as readonly string[]).includes(value)) return value as T
  const message = `${name} must be one of ${allowed.join(', ')}, not ${String(value)}`
  throw typeof value === 'string' ? new RangeError(message) : new TypeError(message)
}

/**
 * Text can be iterated over, too, and an object without an iterator would be taken for an empty list.
 * @param example of what is allowed. @throws TypeError naming the argument, unless it is an iterable object
 */
export function listOf<T>(name: string, value: Iterable<T>, example: string): Iterable<T> {
  if (typeof value === 'object' && value !== null && typeof value[Symbol.iterator] === 'function') return value
  const is = typeof value === 'object' && value !== null ? 'an object that cannot be iterated over' : String(value)
  throw new TypeError(`${name} must be an array or another iterable, such as ${example}, not ${is}`)
}

/** @throws TypeError naming the argument. */
export function flag(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new TypeError(`${name} must be true or false, not ${String(value)}`)
  return value
}

/** @throws TypeError naming the argument, unless it is a function. */
export function callback<T>(name: string, value: T): T {
  if (typeof value !== 'function') throw new TypeError(`${name} must be a function, not ${String(value)}`)
  return value
}

/** @throws TypeError, unless it is an AbortSignal, of whichever realm. */
export function signalOption(value: AbortSignal): AbortSignal {
  return port<AbortSignal>('option signal', value, ['addEventListener', 'removeEventListener', 'throwIfAborted'])
}

/** @throws TypeError naming the argument and what it lacks, unless it is an object with these methods. */
export function port<T extends object>(name: string, value: T, methods: readonly (keyof T & string)[]): T {
  if (typeof value !== 'object' || value === null || methods.some((method) => typeof value[method] !== 'function')) {
    throw new TypeError(`${name} must be an object with the methods ${methods.join(', ')}`)
  }
  return value
}
