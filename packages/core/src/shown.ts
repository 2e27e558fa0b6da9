/** What Node's console asks an object for. Elsewhere nobody knows it, and nothing is imported for it. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom')

/** Has consoles show what is made of an instance: of one whose fields are accessors, or private, they would show nothing. */
export function showAs<T extends object>(prototype: T, view: (instance: T) => unknown): void {
  Object.defineProperty(prototype, INSPECT, {
    value(this: T): unknown {
      return view(this)
    },
  })
}

/** Of a part that may be damaged: in its place the error, so that all the rest is shown. */
export function shown(read: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    return error
  }
}
