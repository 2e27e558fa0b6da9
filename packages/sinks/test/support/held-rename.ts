import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { onTestFinished } from 'vitest'

export interface HeldRename {
  /** Resolves when somebody is about to rename a file, and stands still. */
  readonly reached: Promise<void>
  release(): void
}

/** Stops whoever renames a file next just before it happens, as a process is that gets no processor. */
export function holdNextRename(): HeldRename {
  const { rename } = fs
  const reached = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const restore = (): void => {
    fs.rename = rename
    syncBuiltinESMExports()
  }
  fs.rename = async (from, to) => {
    restore()
    reached.resolve()
    await released.promise
    await rename(from, to)
  }
  syncBuiltinESMExports()
  onTestFinished(restore)
  return { reached: reached.promise, release: released.resolve }
}
