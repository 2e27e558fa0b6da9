import { closeSync, openSync, writeSync } from 'node:fs'
import type { HistoryLine } from './lines.ts'

/**
 * Appends to the history of one life of a worker. The operating system has every line that was flushed, so that kill -9
 * loses what came after the last flush and nothing else.
 */
export class HistoryWriter {
  readonly #fd: number
  #waiting = ''
  #isScheduled = false

  constructor(path: string) {
    this.#fd = openSync(path, 'a')
  }

  /** Written with the next flush. */
  add(line: HistoryLine): void {
    this.#waiting += `${JSON.stringify(line)}\n`
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.flush()
    })
  }

  flush(): void {
    if (this.#waiting === '') return
    const bytes = Buffer.from(this.#waiting)
    this.#waiting = ''
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at)
  }

  close(): void {
    this.flush()
    closeSync(this.#fd)
  }
}
