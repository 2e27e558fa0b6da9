import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** New folders, of which only the last one is kept: what was copied there before makes room. */
export class TargetFolders {
  readonly #folder: string
  #last: string | undefined
  #count = 0

  constructor(folder: string) {
    this.#folder = folder
  }

  next(): string {
    if (this.#last !== undefined) rmSync(this.#last, { recursive: true })
    this.#last = join(this.#folder, `target-${this.#count++}`)
    mkdirSync(this.#last)
    return this.#last
  }
}
