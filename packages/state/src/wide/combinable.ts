const METHODS = [
  'union',
  'intersection',
  'difference',
  'symmetricDifference',
  'isSubsetOf',
  'isSupersetOf',
  'isDisjointFrom',
] as const

/** The methods that combine Sets look inside of them: those of a class whose members are elsewhere go by a copy. */
export function combinable(prototype: object): void {
  for (const name of METHODS) {
    const value = function combined(this: ReadonlySet<unknown>, other: ReadonlySetLike<unknown>): unknown {
      return new Set(this)[name](other)
    }
    Object.defineProperty(prototype, name, { value, configurable: true, writable: true })
  }
}
