/** What people call an instance, by its number. */
export function nameOf(instance: number): string {
  return instance === 0 ? 'the reader' : `instance ${instance}`
}
