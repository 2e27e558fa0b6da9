/** @throws RangeError naming the argument, unless it is a safe integer of at least `min`. */
export function wholeAtLeast(name: string, value: number, min: number): number {
  if (Number.isSafeInteger(value) && value >= min) return value
  throw new RangeError(`${name} must be a whole number of at least ${min}, not ${String(value)}`)
}
