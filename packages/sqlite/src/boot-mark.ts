import { readFileSync } from 'node:fs'
import type { Database } from 'better-sqlite3'
import { IN_MEMORY, type ResolvedOptions } from './options.ts'
import { END_LEASES, RESTART_FRONTS } from './starting-anew.ts'

/**
 * Which boot of the operating system this is; undefined where it does not say.
 * https://docs.kernel.org/admin-guide/sysctl/kernel.html#random
 */
export function readBootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return undefined
  }
}

/**
 * Finds out whether the last commits may be missing, and deals with it; to be called before the first commit, and while
 * the connection still syncs each.
 *
 * With `synchronous: 'normal'`, the end of a boot may take back commits that fronts have seen, and their seqs and
 * versions are then used again for other changes. So a file is marked with the boot during which it is opened that way,
 * and in another boot every front starts anew (its agreement loses its epoch) and every lease ends: their holders ended
 * with the boot. An orderly shutdown is treated the same, which costs cold fronts and no more.
 *
 * The log keeps its epoch: a token holds a check of its own change, origin included, so that one of a change that was lost
 * is refused with LOG_AHEAD or LOG_DIVERGED, and everybody else's stay valid.
 */
export function markBoot(db: Database, { file, synchronous }: ResolvedOptions, boot: string | undefined): void {
  if (file === IN_MEMORY || boot === undefined) return
  const read = db.prepare('SELECT boot FROM log_head WHERE id = 1').pluck()
  const isRight = (marked: unknown): boolean => marked === boot || (marked === null && synchronous === 'full')
  if (isRight(read.get())) return
  db.transaction(() => {
    // Again, under the lock: another process may have done it meanwhile.
    const marked = read.get()
    if (isRight(marked)) return
    if (marked !== null) db.exec(`${RESTART_FRONTS}; ${END_LEASES}`)
    db.prepare('UPDATE log_head SET boot = ? WHERE id = 1').run(synchronous === 'normal' ? boot : null)
  }).immediate()
}
