import { open, rename, rm, stat } from 'node:fs/promises'

/** Takes a name that no file has, with an empty file. @returns whether it was free */
export async function reserve(path: string): Promise<boolean> {
  try {
    const placeholder = await open(path, 'wx')
    await placeholder.close()
    return true
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EEXIST') return false
    throw error
  }
}

/**
 * Moves a file to a name that the caller has reserved: what it replaces is the caller's empty file, so that whoever moves at
 * the same time overwrites nothing. Between a look at a name and a move of what it names another process may always have
 * put another file there; which one was moved is therefore asked afterwards.
 *
 * @returns the inode of what was moved; undefined: there was nothing
 */
export async function moveTo(reserved: string, from: string): Promise<number | undefined> {
  try {
    await rename(from, reserved)
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error
    await rm(reserved, { force: true })
    return undefined
  }
  return (await stat(reserved)).ino
}
