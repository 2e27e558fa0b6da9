import { accessSync, closeSync, constants, openSync, type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { TidemarkError } from '@tidemark/core'
import { IN_MEMORY, type ResolvedOptions } from './options.ts'
import { existingFile, readOnlyFile } from './sqlite-errors.ts'
import { findStoredFile } from './stored-file.ts'

/**
 * Finds out what SQLite would not say clearly, and in mode `create` makes the file. Opens no file that exists but by SQLite:
 * closing any other descriptor of a database drops the locks that SQLite holds on it in this process.
 *
 * @throws TidemarkError FOLDER_MISSING, FILE_MISSING, FILE_EXISTS, NOT_A_DATABASE, READ_ONLY, IO
 */
export function claimFile({ file, mode, readOnly, name: tier }: ResolvedOptions): void {
  if (file === IN_MEMORY) return
  const folder = dirname(file)
  if (!inspect(folder, tier)?.isDirectory()) {
    throw new TidemarkError('FOLDER_MISSING', `${folder} is not a folder; create it before opening ${file}`, { tier })
  }
  const found = inspect(file, tier)
  if (found?.isDirectory()) {
    throw new TidemarkError('NOT_A_DATABASE', `${file} is a folder; name a file`, { tier })
  }
  if (found === undefined && mode === 'open') {
    const message = `${file} does not exist; check the path, or create it with mode 'open-or-create'`
    throw new TidemarkError('FILE_MISSING', message, { tier })
  }
  if (mode === 'create' && create(file, tier)) return
  if (!readOnly && !(isWritable(folder) && (found === undefined || isWritable(file)))) throw readOnlyFile(file, tier)
}

function inspect(path: string, tier: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (cause) {
    throw new TidemarkError('IO', `${path} cannot be looked at; check the permissions of the folders above`, {
      tier,
      cause,
    })
  }
}

/**
 * Creates the file, empty, unless it exists. One that holds nothing, as `mktemp` makes it, or a process that was killed right
 * here, is as good: whose store it becomes is decided when the schema is created.
 *
 * @returns whether it was made
 */
function create(file: string, tier: string): boolean {
  try {
    closeSync(openSync(file, 'wx'))
    return true
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'EEXIST') {
      if (holdsNothing(file)) return false
      throw existingFile(file, tier, cause)
    }
    if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') throw readOnlyFile(file, tier, cause)
    throw new TidemarkError('IO', `${file} could not be created`, { tier, cause })
  }
}

function holdsNothing(file: string): boolean {
  try {
    return findStoredFile(file) === undefined
  } catch {
    // Whatever there is, it is something.
    return false
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
