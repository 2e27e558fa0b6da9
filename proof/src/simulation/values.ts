/** A value that is written once only, and tells the tags that it is written with. */
export function valueOf(nth: number, tags: readonly string[]): string {
  return ['value', String(nth), ...tags].join(' ')
}

export function tagsOfValue(value: unknown): readonly string[] {
  return typeof value === 'string' ? value.split(' ').slice(2) : []
}
