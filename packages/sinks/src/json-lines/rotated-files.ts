import { createReadStream } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { ActiveFile } from './active-file.ts'
import { compress } from './compress.ts'
import { LineScanner } from './line-scanner.ts'
import { isMissing, moveAway, settle } from './move.ts'
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

  /** Looks which files there are, removes what a crash has left of a compression, and ends a rotation that it has ended. */
  async list(): Promise<void> {
    const { folder, parse } = this.#names
    const moved = new Map<string, RotatedName>()
    const found = new Map<string, RotatedName>()
    for (const file of await readdir(folder)) {
      const name = parse(file)
      if (name === undefined) continue
      this.#last = Math.max(this.#last, name.number)
      if (name.ending === '.partial') await rm(join(folder, file), { force: true })
      else if (name.ending === '.moved') moved.set(join(folder, file), name)
      else found.set(this.#names.pathOf(name), name)
    }
    for (const [path, { number, min, max }] of moved) {
      const held = rangeOf(await this.#read(path), number)
      // Where it holds something else, it came after the file that was to be moved.
      const first = held.min === min && held.max === max ? number : this.#last + 1
      const name = await this.#settle(path, { ...held, number: first })
      found.set(this.#names.pathOf(name), name)
    }
    this.#remembered.clear()
    this.#files.splice(0, Infinity, ...[...found.values()].toSorted((a, b) => a.number - b.number || a.min - b.min))
  }

  /** Which of these changes the files hold. Reads only those that may, by their names. */
  async held(ids: readonly ChangeId[]): Promise<ReadonlySet<ChangeId>> {
    const held = new Set<ChangeId>()
    for (const file of [...this.#files].toReversed()) {
      const candidates = ids.filter((id) => id.seq >= file.min && id.seq <= file.max && !held.has(id))
      if (candidates.length === 0) continue
      const written = this.#remembered.get(file) ?? (await this.#read(this.#names.pathOf(file)))
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
    const next = rangeOf(written, this.#last + 1)
    if (!(await active.isCurrent())) return false
    const moved = await moveAway(this.#path, this.#names.pathOf(next))
    // The file of who came after this one gets its name from whoever looks next: most likely this one.
    if (moved?.inode !== active.inode) return false
    const file = await this.#settle(moved.path, next)
    this.#files.push(file)
    this.#remember(file, written)
    return true
  }

  /** The number comes first that the file was moved under: somebody else may be at it, or have died at it. */
  async #settle(moved: string, first: RotatedName): Promise<RotatedName> {
    for (let file = first; ; file = { ...file, number: file.number + 1 }) {
      if (!(await settle(moved, this.#names.pathOf(file)))) continue
      this.#last = Math.max(this.#last, file.number)
      return file
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

  async #read(path: string): Promise<WrittenChanges> {
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

function rangeOf({ min, max }: WrittenChanges, number: number): RotatedName {
  return { number, min: max === 0 ? 0 : min, max }
}
