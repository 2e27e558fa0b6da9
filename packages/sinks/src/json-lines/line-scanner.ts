import { type ChangeId, WrittenChanges } from './written-changes.ts'

const NEWLINE = 0x0a
/** What a line starts with, `changeJson` made it. */
const START = Buffer.from('{"id":"')
/** In which the id of a line ends. */
const HEAD_BYTES = 512
const ID = /^\{"id":"([^"\\]*(?:\\.[^"\\]*)*):(\d{1,16})"/

/** Reads a file of lines in pieces of any size, and learns which changes it holds. Other lines are passed over. */
export class LineScanner {
  readonly written: WrittenChanges = new WrittenChanges()
  /** How many bytes it was given. */
  size = 0
  /** How many of them are whole lines. */
  whole = 0
  #head: Buffer = Buffer.alloc(0)

  push(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#take(chunk, start, end)
      const id = idOfLine(this.#head)
      if (id !== undefined) this.written.add(id)
      this.#head = Buffer.alloc(0)
      start = end + 1
      this.whole = this.size + start
    }
    this.#take(chunk, start, chunk.length)
    this.size += chunk.length
  }

  /** Whether what follows the last whole line may be the rest of one that a sink was writing. */
  get isTornLine(): boolean {
    const head = this.#head.subarray(0, START.length)
    // After a power cut, space that was promised to a file can be there without what was to fill it.
    return head.equals(START.subarray(0, head.length)) || this.#head.every((byte) => byte === 0)
  }

  #take(chunk: Buffer, start: number, end: number): void {
    const room = HEAD_BYTES - this.#head.length
    if (room > 0 && end > start) {
      const part = chunk.subarray(start, Math.min(end, start + room))
      this.#head = this.#head.length === 0 ? part : Buffer.concat([this.#head, part])
    }
  }
}

function idOfLine(head: Buffer): ChangeId | undefined {
  const found = ID.exec(head.toString('utf8'))
  if (found === null) return undefined
  const scope = found[1]!
  return { scope: scope.includes('\\') ? (JSON.parse(`"${scope}"`) as string) : scope, seq: Number(found[2]) }
}
