import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { TidemarkError } from '@tidemark/core'

/** What a failure of the file system means, and what to do about it. */
export function toFileError(file: string, cause: unknown): unknown {
  if (cause instanceof TidemarkError || !(cause instanceof Error) || !('code' in cause)) return cause
  switch (cause.code) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new TidemarkError('DISK_FULL', `no room left to write ${file}; make room, then the batch is written`, {
        retryable: true,
        cause,
      })
    case 'ENOENT':
    case 'ENOTDIR':
      if (existsSync(dirname(file))) {
        return new TidemarkError('IO', `${file}, or a rotated one, was moved or deleted by somebody else meanwhile`, {
          retryable: true,
          cause,
        })
      }
      return new TidemarkError('FOLDER_MISSING', `the folder of ${file} does not exist; create it`, { cause })
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new TidemarkError('READ_ONLY', `${file} cannot be written (${cause.code}); check its permissions`, {
        cause,
      })
    case 'EMFILE':
    case 'ENFILE':
    case 'EAGAIN':
    case 'EINTR':
      return new TidemarkError('IO', `${file} cannot be opened or written now: ${cause.message}`, {
        retryable: true,
        cause,
      })
    default:
      return new TidemarkError('IO', `${file} cannot be read or written: ${cause.message}; check the disk`, { cause })
  }
}
