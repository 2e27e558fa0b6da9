import { type FileHandle, open } from 'node:fs/promises'
import { onTestFinished } from 'vitest'

export interface HeldWrite {
  /** Resolves when somebody is about to write to a file, and stands still. */
  readonly reached: Promise<void>
  release(): void
}

/** Stops whoever writes to an open file next just before it happens, as a process is that gets no processor. */
export async function holdNextWrite(): Promise<HeldWrite> {
  const handle = await open(import.meta.filename)
  const prototype = Object.getPrototypeOf(handle) as FileHandle
  await handle.close()
  const write = Object.getOwnPropertyDescriptor(prototype, 'write')!
  const reached = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const restore = (): void => void Object.defineProperty(prototype, 'write', write)
  Object.defineProperty(prototype, 'write', {
    ...write,
    async value(this: FileHandle, ...args: Parameters<FileHandle['write']>) {
      restore()
      reached.resolve()
      await released.promise
      return this.write(...args)
    },
  })
  onTestFinished(restore)
  return { reached: reached.promise, release: released.resolve }
}
