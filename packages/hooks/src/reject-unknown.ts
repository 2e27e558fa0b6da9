/** @throws TypeError for an option that `what` does not have: a misspelt one would otherwise do nothing. */
export function rejectUnknown(what: string, options: object, allowed: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!allowed.includes(name))
      throw new TypeError(`unknown option ${name} of ${what}; allowed: ${allowed.join(', ')}`)
  }
}
