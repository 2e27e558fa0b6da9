/** One line that is written over and over, on a terminal; nothing anywhere else. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream
  readonly #start = performance.now()

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  show(what: string, ops: number): void {
    if (!this.#stream.isTTY) return
    const seconds = ((performance.now() - this.#start) / 1e3).toFixed(0)
    const text = `${seconds} s  ${ops === 0 ? '' : `${ops.toLocaleString('en-US')} calls  `}${what}`
    this.#stream.write(`\r\u001b[2K${text.slice(0, (this.#stream.columns ?? 80) - 1)}`)
  }

  end(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\u001b[2K')
  }
}
