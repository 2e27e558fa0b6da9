import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { UsageError } from '../flags.ts'

/** Makes the folder, and those above it. @throws UsageError when there can be none. */
export async function makeDataDir(dir: string): Promise<void> {
  await makeFolder(dir).catch((error: unknown) => {
    throw unusable(dir, error)
  })
}

/** What is wrong with `--data`, in one line. */
export function unusable(dir: string, error: unknown): UsageError {
  const { code, message } = error as NodeJS.ErrnoException
  return new UsageError(`--data ${dir} cannot be used: ${REASONS[code ?? ''] ?? message}`)
}

const REASONS: Readonly<Record<string, string>> = {
  ENOTDIR: 'it is no folder, or in none',
  EEXIST: 'it is no folder',
  ENOENT: 'no folder can be made there',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'it is on a read-only file system',
  ENOSPC: 'no space is left there',
}

/** Not `recursive`: below /proc, where mkdir says ENOENT about folders that are there, that never returns. */
async function makeFolder(dir: string): Promise<void> {
  try {
    await mkdir(dir)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (await isFolder(dir)) return
    if (code !== 'ENOENT' || dirname(dir) === dir) throw error
    await makeFolder(dirname(dir))
    await mkdir(dir).catch(async (again: unknown) => {
      if (!(await isFolder(dir))) throw again
    })
  }
}

async function isFolder(dir: string): Promise<boolean> {
  const found = await stat(dir).catch(() => undefined)
  return found?.isDirectory() === true
}
