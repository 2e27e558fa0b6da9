import { constants, type Stats } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CorruptError } from '@tidemark/core'
import { LineScanner } from './line-scanner.ts'
import type { WrittenChanges } from './written-changes.ts'

const READ_BYTES = 256 * 1_024

/** The file that lines are appended to. One caller at a time. */
export class ActiveFile {
  readonly written: WrittenChanges
  /** When it was last appended to, in milliseconds since the epoch. */
  readonly modifiedAt: number
  readonly inode: number
  #size: number
  readonly #path: string
  readonly #handle: FileHandle
  readonly #sync: boolean
  #isDirty = false

  private constructor(path: string, handle: FileHandle, sync: boolean, state: FileState) {
    this.#path = path
    this.#handle = handle
    this.#sync = sync
    this.written = state.written
    this.modifiedAt = state.modifiedAt
    this.#size = state.size
    this.inode = state.inode
  }

  /** Opens or creates the file, cuts off the line that a crash has torn, and learns which changes it holds. */
  static async open(path: string, sync: boolean): Promise<ActiveFile> {
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND)
    try {
      const { ino, mtimeMs } = await handle.stat()
      const scanner = new LineScanner()
      // A line without its end is torn only if nobody goes on writing it.
      do {
        const rest = { start: scanner.size, autoClose: false, highWaterMark: READ_BYTES }
        for await (const chunk of handle.createReadStream(rest)) scanner.push(chunk as Buffer)
      } while (scanner.whole < scanner.size && (await handle.stat()).size > scanner.size)
      const { whole, size, written } = scanner
      if (whole < size) {
        if (!scanner.isTornLine) throw notOurs(path)
        await handle.truncate(whole)
      }
      if (sync) {
        // What a process wrote and could not sync before it died is taken for written from here on.
        await handle.datasync()
        if (whole === 0) await syncFolder(path)
      }
      return new ActiveFile(path, handle, sync, { written, modifiedAt: mtimeMs, size: whole, inode: ino })
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** Whether it may hold what a write that failed has left. */
  get isDirty(): boolean {
    return this.#isDirty
  }

  get size(): number {
    return this.#size
  }

  /** Whether it is still what its path names, and holds what is known of it: nobody moved it, or wrote to it. */
  async isCurrent(): Promise<boolean> {
    return !this.#isDirty && (await this.#isNamed(({ size }) => size === this.#size))
  }

  /** Whether it is still what its path names. */
  isInPlace(): Promise<boolean> {
    return this.#isNamed(() => true)
  }

  async #isNamed(also: (found: Stats) => boolean): Promise<boolean> {
    try {
      const found = await stat(this.#path)
      return found.ino === this.inode && also(found)
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ENOENT') return false
      throw error
    }
  }

  /** Appends whole lines, all or none of them. Resolved: they are on the disk, if that was asked for. */
  async append(lines: Buffer): Promise<void> {
    this.#isDirty = true
    try {
      for (let at = 0; at < lines.length;) at += (await this.#handle.write(lines, at)).bytesWritten
      if (this.#sync) await this.#handle.datasync()
    } catch (error) {
      // Where this fails as well the file is opened anew, which cuts off half a line and takes whole ones for written.
      await this.#handle.truncate(this.#size).then(
        () => (this.#isDirty = false),
        () => {},
      )
      throw error
    }
    this.#size += lines.length
    this.#isDirty = false
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

interface FileState {
  readonly written: WrittenChanges
  readonly modifiedAt: number
  readonly size: number
  readonly inode: number
}

/** The name of a new file is not on the disk before its folder is. */
async function syncFolder(path: string): Promise<void> {
  // Where folders cannot be opened, their entries are as durable as they get.
  if (process.platform === 'win32') return
  const folder = await open(dirname(path), constants.O_RDONLY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function notOurs(path: string): CorruptError {
  return new CorruptError(
    `${path} ends inside of a line that is none of this sink; nothing was changed: end that line, or name another file`,
  )
}
