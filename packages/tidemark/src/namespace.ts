import type { RedisOptions } from './options.ts'

/**
 * Every log has records of its own: versions are positions in one log. A front that outlives its database, or is shared
 * by two, would otherwise be started anew for the one whenever the other has used it.
 */
export function namespaceOf({ namespace = 'tidemark' }: RedisOptions, logId: string): string {
  return `${namespace}.${logId}`
}
