/**
 * A method of objects that are not what they are stored as: it returns the plain value that is stored in their place, and that
 * comes back.
 */
export const STORED_AS: unique symbol = Symbol('stored as')

/** What is stored in the place of an object; undefined: the object itself. */
export function storedAs(value: object): { readonly value: unknown } | undefined {
  const method: unknown = (value as Record<symbol, unknown>)[STORED_AS]
  return typeof method === 'function' ? { value: method.call(value) as unknown } : undefined
}
