import { constants, createReadStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Place } from '../../runner/case.ts'
import { PIECE_BYTES } from '../../workload/pieces.ts'
import type { BlobPlace } from './blob-place.ts'

/** A file beside, synced, and then renamed to its name, which is synced too. */
export function plainFile({ folder }: Place): BlobPlace {
  const path = join(folder, 'blob')
  return {
    async write(pieces) {
      {
        await using file = await open(`${path}.new`, 'w')
        for await (const bytes of pieces) await file.write(bytes)
        await file.sync()
      }
      await rename(`${path}.new`, path)
      await using parent = await open(folder, constants.O_RDONLY)
      await parent.sync()
    },
    async read(take) {
      for await (const bytes of createReadStream(path, { highWaterMark: PIECE_BYTES })) take(bytes as Buffer)
    },
    remove: () => rm(path, { force: true }),
    close: async () => {},
  }
}
