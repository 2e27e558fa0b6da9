import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Keeps two fleets from running on one folder: each may have a private Redis, and neither would hear of the other's
 * writes. @returns what releases the folder. @throws Error when another fleet has it.
 */
export async function lockDataDir(dir: string): Promise<() => Promise<void>> {
  await mkdir(dir, { recursive: true })
  const file = join(dir, 'fleet.lock')
  for (let attempt = 1; ; attempt++) {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx' })
      return () => rm(file, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const holder = Number(await readFile(file, 'utf8').catch(() => ''))
    if (attempt > 1 || isAlive(holder)) {
      throw new Error(
        `another fleet (pid ${holder}) uses ${dir}; stop it, or give this one its own folder with --data DIR ` +
          `(if there is none, delete ${file})`,
      )
    }
    // Left behind by a fleet that was killed.
    await rm(file, { force: true })
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
