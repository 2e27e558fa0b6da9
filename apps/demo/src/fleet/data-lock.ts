import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError } from '../flags.ts'
import { makeDataDir, unusable } from './data-dir.ts'

/**
 * Keeps two fleets from running on one folder: each may have a private Redis, and neither would hear of the other's
 * writes. @returns what releases the folder. @throws Error when another fleet has it, UsageError when there can be no
 * such folder.
 */
export async function lockDataDir(dir: string): Promise<() => Promise<void>> {
  await makeDataDir(dir)
  const file = join(dir, 'fleet.lock')
  // Linked into place with its content, so that nobody ever sees a lock without a holder.
  const mine = `${file}.${randomUUID()}`
  try {
    await writeFile(mine, String(process.pid), { flag: 'wx' })
    if (!(await linked(mine, file))) await takeOver(mine, file, dir)
    return () => rm(file, { force: true })
  } catch (error) {
    throw error instanceof UsageError || (error as NodeJS.ErrnoException).code === undefined
      ? error
      : unusable(dir, error)
  } finally {
    await rm(mine, { force: true }).catch(() => undefined)
  }
}

/**
 * Of those who find a lock whose holder was killed, only one at a time decides what becomes of it: else the second one
 * would remove what the first one has just put in its place.
 */
async function takeOver(mine: string, file: string, dir: string): Promise<void> {
  await refuseIfHeld(file, dir)
  const guard = `${file}.takeover`
  if (!(await linked(mine, guard))) throw refusal(await holderOf(guard), dir, guard)
  try {
    const holder = await refuseIfHeld(file, dir)
    // It was released meanwhile, and whoever starts now may link theirs just as well.
    if (holder !== undefined) await rename(mine, file)
    else if (!(await linked(mine, file))) throw refusal(await holderOf(file), dir, file)
  } finally {
    await rm(guard, { force: true })
  }
}

/** @returns undefined when there is no lock, and NaN when nobody can be said to hold it */
async function refuseIfHeld(file: string, dir: string): Promise<number | undefined> {
  const holder = await holderOf(file)
  if (holder !== undefined && isAlive(holder)) throw refusal(holder, dir, file)
  return holder
}

async function holderOf(file: string): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    return undefined
  })
  return text === undefined ? undefined : Number(text || NaN)
}

function refusal(holder: number | undefined, dir: string, file: string): Error {
  const who = holder === undefined || Number.isNaN(holder) ? '' : ` (pid ${holder})`
  return new Error(
    `another fleet${who} uses ${dir}; stop it, or give this one its own folder with --data DIR ` +
      `(if there is none, delete ${file})`,
  )
}

/** Whether `to` is now another name of `from`; false: it was there. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
