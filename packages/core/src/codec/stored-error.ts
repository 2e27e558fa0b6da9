/** An error as data: `[name, message, stack, other properties]`. */
export type ErrorParts = readonly [
  name: string,
  message: string | undefined,
  stack: string | undefined,
  properties: Record<string, unknown>,
]

const CLASSES: ReadonlyMap<string, ErrorConstructor> = new Map(
  [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((type) => [type.name, type]),
)

/** The language keeps these out of enumeration. */
const HIDDEN = ['cause', 'errors']

export function errorParts(error: Error): ErrorParts {
  const properties: Record<string, unknown> = {}
  for (const name of Object.keys(error))
    setOwn(properties, name, (error as unknown as Record<string, unknown>)[name], true)
  for (const name of HIDDEN) {
    if (Object.hasOwn(error, name)) properties[name] = (error as unknown as Record<string, unknown>)[name]
  }
  return [String(error.name), messageOf(error), typeof error.stack === 'string' ? error.stack : undefined, properties]
}

/** An error of the built-in class called `name`; where there is none, an Error that has this name. */
export function errorFrom([name, message, stack, properties]: ErrorParts): Error {
  const error = name === 'AggregateError' ? new AggregateError([], message) : new (CLASSES.get(name) ?? Error)(message)
  if (error.name !== name) setOwn(error, 'name', name, false)
  setOwn(error, 'stack', stack, false)
  for (const property of Object.keys(properties)) {
    setOwn(error, property, properties[property], !HIDDEN.includes(property))
  }
  return error
}

/** Assigning `__proto__` would change the prototype; defining it makes a property like any other. */
export function setOwn(target: object, name: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(target, name, { value, enumerable, writable: true, configurable: true })
}

/** Absent is told apart from empty; a DOMException inherits its message. */
function messageOf(error: Error): string | undefined {
  return Object.hasOwn(error, 'message') || error.message ? String(error.message) : undefined
}
