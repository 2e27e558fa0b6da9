/** The numbers of those that are no instances like the others. */
export const READER = 0
export const WORKER = -1

/** What people call an instance, by its number. */
export function nameOf(instance: number): string {
  if (instance === READER) return 'the reader'
  return instance === WORKER ? 'the worker' : `instance ${instance}`
}
