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
    throw new TypeError(`unknown option ${name}${of === undefined ? '' : ` of ${of}`}; allowed: ${known.join(', ')}`)
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
