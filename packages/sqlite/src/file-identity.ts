import { type BigIntStats, statSync } from 'node:fs'
import type { Clock } from '@tidemark/core'
import { IN_MEMORY } from './options.ts'
import { type ErrorContext, movedFile } from './sqlite-errors.ts'

/** The longest that writes go to a file which was moved or deleted. */
const CHECK_EVERY_MS = 1_000

export interface FileIdentityOptions extends ErrorContext {
  readonly clock: Pick<Clock, 'monotonic'>
}

/**
 * Whether the path still leads to the file that was opened. SQLite writes on to one that is no longer there, where
 * nobody will find it. Only ever asks for the file's status: opening and closing it would drop SQLite's own locks on it.
 */
export class FileIdentity {
  readonly #options: FileIdentityOptions
  readonly #opened: BigIntStats | undefined
  #checkedAt = -Infinity

  constructor(options: FileIdentityOptions) {
    this.#options = options
    this.#opened = options.file === IN_MEMORY ? undefined : statusOf(options.file)
  }

  /** Looks at most once in a second, as long as it finds the file. @throws TidemarkError IO */
  assertInPlace(): void {
    if (this.#opened === undefined) return
    const { file, name, clock } = this.#options
    const now = clock.monotonic()
    if (now - this.#checkedAt < CHECK_EVERY_MS) return
    if (!isSame(file, this.#opened)) throw movedFile(file, name)
    this.#checkedAt = now
  }
}

function isSame(file: string, opened: BigIntStats): boolean {
  try {
    const status = statusOf(file)
    return status?.dev === opened.dev && status.ino === opened.ino
  } catch {
    // A folder above that may no longer be entered, for one: that tells nothing about the file, which is still open.
    return true
  }
}

/** undefined: there is no such file. */
function statusOf(file: string): BigIntStats | undefined {
  // As bigints, since some file systems number their files beyond what a double counts.
  return statSync(file, { bigint: true, throwIfNoEntry: false })
}
