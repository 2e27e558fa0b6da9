import { DisplacedError } from './command-errors.ts'

/** What to ask, so that {@link readServer} can tell. */
export const IDENTITY = ['INFO', 'server', 'replication'] as const

/** Which run of which server answers. @throws DisplacedError when it is not a primary. */
export function readServer(info: unknown): string {
  const text = String(info)
  const role = /^role:(\w+)/m.exec(text)?.[1]
  const runId = /^run_id:(\w+)/m.exec(text)?.[1]
  // A replica holds what it was sent, some time ago, and takes no writes.
  if (role !== 'master') throw new DisplacedError(role)
  if (runId === undefined) throw new Error('it does not tell its run_id; Redis 7 or Valkey is needed')
  return runId
}
