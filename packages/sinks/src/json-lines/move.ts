import { randomUUID } from 'node:crypto'
import { link, rename, rm, stat } from 'node:fs/promises'

/** A file that has left its place, under a name that nobody else uses, and has no place of its own yet. */
export interface MovedFile {
  readonly path: string
  readonly inode: number
}

/**
 * Moves a file out of the way of the next one. Nothing can be overwritten. Between a look at a name and a move of what it
 * names another process may always have put another file there: which one was moved is therefore asked afterwards.
 *
 * @param path what the new name begins with; it ends in `.moved`
 * @returns undefined: there is nothing any more
 */
export async function moveAway(from: string, path: string): Promise<MovedFile | undefined> {
  const moved = `${path}.${randomUUID()}.moved`
  try {
    await rename(from, moved)
    return { path: moved, inode: (await stat(moved)).ino }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/**
 * Gives a moved file its name, unless another file has it. Several may do so at once, with the same name: who comes
 * second finds it done.
 *
 * @returns whether it has the name
 */
export async function settle(moved: string, path: string): Promise<boolean> {
  try {
    await link(moved, path)
  } catch (error) {
    if (isMissing(error)) return true
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error
    if (!(await isSame(moved, path))) return false
  }
  await rm(moved, { force: true })
  return true
}

/** Whether both name one file. A name that is gone is settled, or compressed, by somebody else. */
async function isSame(moved: string, path: string): Promise<boolean> {
  try {
    return (await stat(moved)).ino === (await stat(path)).ino
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

export function isMissing(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ENOENT'
}
