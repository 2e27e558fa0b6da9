/**
 * Options with what the store sets in them by itself. Given by the caller, that would be ignored.
 * @throws TypeError when it is no object of options, or naming the option
 */
export function withOwn<O extends object, S extends object>(of: string, options: O | undefined, own: S): O & S {
  if (options !== undefined) {
    if (typeof options !== 'object' || options === null || Array.isArray(options))
      throw new TypeError(`the options of ${of} must be an object, not ${String(options)}`)
    for (const name of Object.keys(own)) {
      if (!Object.hasOwn(options, name) || (options as Record<string, unknown>)[name] === undefined) continue
      throw new TypeError(`unknown option ${name} of ${of}: it is the store's own, which open() was given`)
    }
  }
  return { ...options, ...own } as O & S
}
