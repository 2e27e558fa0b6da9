/** @throws RangeError naming the argument, unless it is a safe integer of at least `min`. */
export function wholeAtLeast(name: string, value: number, min: number): number {
  if (Number.isSafeInteger(value) && value >= min) return value
  throw new RangeError(`${name} must be a whole number of at least ${min}, not ${String(value)}`)
}

/** @throws RangeError naming the argument, unless it is a number from `min` to `max`. */
export function between(name: string, value: number, min: number, max: number): number {
  if (typeof value === 'number' && value >= min && value <= max) return value
  throw new RangeError(`${name} must be a number from ${min} to ${max}, not ${String(value)}`)
}

/** @throws TypeError that names an option which does not exist. */
export function assertKnown(options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new TypeError(`unknown option ${name}; allowed: ${known.join(', ')}`)
  }
}
