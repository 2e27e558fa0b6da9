import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { isMissing } from './move.ts'

/**
 * Puts `<path>.gz` in the place of a rotated file. It has its name only when it is whole, and on the disk; several may do it
 * at once, each under a name of its own until then.
 */
export async function compress(path: string): Promise<void> {
  const partial = `${path}.gz.${randomUUID()}.partial`
  const file = await open(path).catch((error: unknown) => {
    // Somebody else has compressed it since the folder was looked at.
    if (isMissing(error)) return undefined
    throw error
  })
  if (file === undefined) return
  try {
    await pipeline(
      file.createReadStream({ autoClose: false }),
      createGzip(),
      createWriteStream(partial, { flush: true, flags: 'wx' }),
    )
    await rename(partial, `${path}.gz`)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  } finally {
    await file.close()
  }
  await rm(path, { force: true })
}
