import { ClosedError } from '@tidemark/core'
import { ActiveFile } from './active-file.ts'
import { toFileError } from './file-error.ts'
import type { ResolvedJsonLinesOptions } from './options.ts'
import { Rivals } from './rivals.ts'
import { RotatedFiles } from './rotated-files.ts'
import { type ChangeId, WrittenChanges } from './written-changes.ts'

/** One change, as it stands in the file. */
export interface Line {
  readonly id: ChangeId
  /** Ends with a line break. */
  readonly bytes: Buffer
}

interface Batch {
  readonly lines: readonly Line[]
  readonly signal: AbortSignal
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Batches that wait for each other are written and synced together, up to this much. */
const GROUP_BYTES = 4 * 1_024 * 1_024

/** Appends batches in the order in which they come, each change once. The only one that touches the files. */
export class LineWriter {
  readonly #path: string
  readonly #options: ResolvedJsonLinesOptions
  readonly #rotated: RotatedFiles
  readonly #rivals: Rivals
  readonly #queue: Batch[] = []
  #file: ActiveFile | undefined
  /** The stretch of time that the file belongs to. */
  #stretch = 0
  #running: Promise<void> | undefined
  #tidying: Promise<void> = Promise.resolve()
  #tidyFailure: unknown
  #closed: Promise<void> | undefined

  constructor(path: string, options: ResolvedJsonLinesOptions) {
    this.#path = path
    this.#options = options
    this.#rivals = new Rivals(path, options.clock)
    this.#rotated = new RotatedFiles(path, options)
  }

  /** Resolves when the lines are in the file. @throws TidemarkError, and then none of them is, of this batch. */
  write(lines: readonly Line[], signal: AbortSignal): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(new ClosedError('the sink'))
    return new Promise((resolve, reject) => {
      this.#queue.push({ lines, signal, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Ends when everything that was given to it has been written. @throws what compressing failed with, if nobody was told */
  close(): Promise<void> {
    this.#closed ??= this.#end()
    return this.#closed
  }

  async #end(): Promise<void> {
    await this.#running
    await this.#file?.close()
    this.#file = undefined
    await this.#tidying
    if (this.#tidyFailure !== undefined) throw this.#tidyFailure
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const group = this.#takeGroup()
      try {
        await this.#write(group)
        for (const { resolve } of group) resolve()
      } catch (error) {
        const failure = toFileError(this.#path, error)
        for (const { reject } of group) reject(failure)
      }
    }
    this.#running = undefined
  }

  #takeGroup(): Batch[] {
    const most = Math.min(GROUP_BYTES, this.#options.maxBytes)
    let bytes = 0
    let count = 0
    for (const { lines } of this.#queue) {
      for (const line of lines) bytes += line.bytes.length
      if (count > 0 && bytes > most) break
      count++
    }
    return this.#queue.splice(0, count)
  }

  async #write(group: readonly Batch[]): Promise<void> {
    while (!(await this.#tryWrite(group)));
  }

  /** @returns whether the group is written; not when the file is another one meanwhile. */
  async #tryWrite(group: readonly Batch[]): Promise<boolean> {
    const file = await this.#open()
    const held = await this.#rotated.held(group.flatMap(({ lines }) => lines.map(({ id }) => id)))
    const added = new WrittenChanges()
    const lines: Line[] = []
    for (const batch of group) {
      // Whose it is no longer belongs to another one now, who may have written it.
      if (batch.signal.aborted) {
        batch.reject(batch.signal.reason)
        continue
      }
      for (const line of batch.lines) {
        if (file.written.has(line.id) || held.has(line.id) || added.has(line.id)) continue
        added.add(line.id)
        lines.push(line)
      }
    }
    if (lines.length === 0) return true
    const bytes = Buffer.concat(lines.map((line) => line.bytes))
    if (this.#isDue(file, bytes.length)) {
      await this.#rotate(file)
      return false
    }
    await file.append(bytes)
    for (const { id } of lines) file.written.add(id)
    this.#stretch = this.#stretchOf(this.#options.clock.now())
    // A file that was moved during the write may have been compressed before it, and deleted.
    return await file.isInPlace()
  }

  /** The file as it is known, or opened anew: for the first time, or since somebody else has moved or written to it. */
  async #open(): Promise<ActiveFile> {
    if (this.#file !== undefined) {
      if (await this.#file.isCurrent()) {
        this.#rivals.none()
        return this.#file
      }
      const stale = this.#file
      this.#file = undefined
      if (!stale.isDirty) this.#rivals.met()
      await stale.close()
    }
    await this.#tidying
    await this.#rotated.list()
    const file = await ActiveFile.open(this.#path, this.#options.sync)
    this.#stretch = this.#stretchOf(file.modifiedAt)
    this.#file = file
    this.#tidy()
    this.#rivals.check()
    return file
  }

  #isDue({ size }: ActiveFile, more: number): boolean {
    if (size === 0) return false
    return size + more > this.#options.maxBytes || this.#stretchOf(this.#options.clock.now()) > this.#stretch
  }

  async #rotate(file: ActiveFile): Promise<void> {
    const isMoved = await this.#rotated.add(file)
    if (!isMoved) this.#rivals.met()
    this.#file = undefined
    await file.close()
    if (!isMoved) return
    this.#file = await ActiveFile.open(this.#path, this.#options.sync)
    this.#stretch = this.#stretchOf(this.#file.modifiedAt)
    this.#tidy()
  }

  #stretchOf(at: number): number {
    return Math.floor(at / this.#options.everyMs)
  }

  /** In the background: nobody's batch waits for it. */
  #tidy(): void {
    const { onError } = this.#options
    this.#tidying = this.#tidying
      .then(() => this.#rotated.tidy())
      .then(
        () => (this.#tidyFailure = undefined),
        (error: unknown) => {
          const failure = toFileError(this.#path, error)
          if (onError === undefined) this.#tidyFailure = failure
          else onError(failure)
        },
      )
  }
}
