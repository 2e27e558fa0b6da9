import { createReadStream } from 'node:fs'
import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { ActiveFile } from './active-file.ts'
import { compress } from './compress.ts'
import { LineScanner } from './line-scanner.ts'
import { moveTo, reserve } from './move.ts'
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
    const found = new Map<string, RotatedName>()
    for (const file of await readdir(folder)) {
      const name = parse(file)
      if (name === undefined) continue
      if (name.ending === '.partial') await rm(join(folder, file), { force: true })
      else found.set(this.#names.pathOf(name), name)
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

  /**
   * Gives the file that was appended to the name that it keeps.
   * @returns whether it did: not when somebody else has moved it, or written to it. Then look anew
   */
  async add(active: ActiveFile): Promise<boolean> {
    const { written } = active
    const file = await this.#reserve(written)
    const target = this.#names.pathOf(file)
    if (!(await active.isCurrent())) {
      await rm(target, { force: true })
      return false
    }
    const inode = await moveTo(target, this.#path)
    if (inode === active.inode) {
      this.#files.push(file)
      this.#remember(file, written)
      return true
    }
    // The file of who came after this one: it keeps what it holds, under a name that says what that is.
    if (inode !== undefined) await rename(target, this.#names.pathOf(await this.#reserve(await this.#read(file))))
    return false
  }

  async #reserve({ min, max }: WrittenChanges): Promise<RotatedName> {
    for (;;) {
      const file = { number: ++this.#last, min: max === 0 ? 0 : min, max }
      if (await reserve(this.#names.pathOf(file))) return file
    }
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

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ENOENT'
}
