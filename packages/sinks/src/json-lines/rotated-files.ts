import { createReadStream, createWriteStream } from 'node:fs'
import { readdir, rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { LineScanner } from './line-scanner.ts'
import { type RotatedName, type RotatedNames, rotatedNames } from './rotated-name.ts'
import type { ChangeId, WrittenChanges } from './written-changes.ts'

/** Of how many files it is remembered what they hold. */
const REMEMBERED = 8

export interface RetentionOptions {
  readonly gzip: boolean
  readonly keep: number
}

/** The files that came before the one that is appended to: what they hold, and how long they stay. */
export class RotatedFiles {
  readonly #path: string
  readonly #names: RotatedNames
  readonly #options: RetentionOptions
  /** In the order in which they were written. */
  readonly #files: RotatedName[] = []
  readonly #remembered = new Map<RotatedName, WrittenChanges>()
  #last = 0

  constructor(path: string, options: RetentionOptions) {
    this.#path = path
    this.#names = rotatedNames(path)
    this.#options = options
  }

  /** Looks which files there are, and removes what a crash has left of a compression. */
  async list(): Promise<void> {
    const { folder, parse } = this.#names
    const found = new Map<number, RotatedName>()
    for (const file of await readdir(folder)) {
      const name = parse(file)
      if (name === undefined) continue
      if (name.ending === '.gz.partial') await rm(`${this.#names.pathOf(name)}.gz.partial`, { force: true })
      else found.set(name.number, name)
    }
    this.#remembered.clear()
    this.#files.splice(0, Infinity, ...[...found.values()].toSorted((a, b) => a.number - b.number))
    this.#last = Math.max(this.#last, this.#files.at(-1)?.number ?? 0)
  }

  /** Which of these changes the files hold. Reads only those that may, by their names. */
  async held(ids: readonly ChangeId[]): Promise<ReadonlySet<ChangeId>> {
    const held = new Set<ChangeId>()
    for (const file of [...this.#files].toReversed()) {
      const candidates = ids.filter((id) => id.seq >= file.min && id.seq <= file.max && !held.has(id))
      if (candidates.length === 0) continue
      const written = this.#remembered.get(file) ?? (await this.#read(file))
      this.#remember(file, written)
      for (const id of candidates) if (written.has(id)) held.add(id)
    }
    return held
  }

  /** Gives the file that was appended to the name that it keeps. */
  async add(written: WrittenChanges): Promise<void> {
    const file = { number: this.#last + 1, min: written.max === 0 ? 0 : written.min, max: written.max }
    await rename(this.#path, this.#names.pathOf(file))
    this.#last = file.number
    this.#files.push(file)
    this.#remember(file, written)
  }

  /** Deletes those beyond what is kept, compresses the others. What is done already costs nothing. */
  async tidy(): Promise<void> {
    const { gzip, keep } = this.#options
    while (this.#files.length > keep) {
      const path = this.#names.pathOf(this.#files[0]!)
      for (const ending of ['', '.gz']) await rm(path + ending, { force: true })
      this.#remembered.delete(this.#files.shift()!)
    }
    if (!gzip) return
    const present = new Set(await readdir(this.#names.folder))
    for (const file of present) {
      const name = this.#names.parse(file)
      if (name?.ending !== '') continue
      await compress(this.#names.pathOf(name))
    }
  }

  #remember(file: RotatedName, written: WrittenChanges): void {
    this.#remembered.delete(file)
    this.#remembered.set(file, written)
    for (const [oldest] of this.#remembered) {
      if (this.#remembered.size <= REMEMBERED) break
      this.#remembered.delete(oldest)
    }
  }

  async #read(file: RotatedName): Promise<WrittenChanges> {
    const path = this.#names.pathOf(file)
    const scanner = new LineScanner()
    const scan = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
      for await (const chunk of chunks) scanner.push(chunk)
    }
    try {
      await pipeline(createReadStream(path), scan)
    } catch (error) {
      if (!isMissing(error)) throw error
      // Compressed, perhaps since the folder was looked at: the plain file goes only when the other one is there.
      await pipeline(createReadStream(`${path}.gz`), createGunzip(), scan).catch((failure: unknown) => {
        if (!isMissing(failure)) throw failure
      })
    }
    return scanner.written
  }
}

/** A compressed file has its name only when it is whole, and on the disk. */
async function compress(path: string): Promise<void> {
  const partial = `${path}.gz.partial`
  try {
    await pipeline(createReadStream(path), createGzip(), createWriteStream(partial, { flush: true }))
    await rename(partial, `${path}.gz`)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
  await rm(path)
}

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ENOENT'
}
