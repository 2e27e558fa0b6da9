import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A program of `test/programs` that goes on until it is stopped; it runs on the built packages. */
export class Child implements AsyncDisposable {
  readonly lines: string[] = []
  readonly #process: ChildProcess
  readonly #ended: Promise<unknown>
  #errors = ''

  constructor(name: string, ...args: string[]) {
    const file = fileURLToPath(new URL(`../programs/${name}.ts`, import.meta.url))
    this.#process = spawn(process.execPath, [file, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#ended = once(this.#process, 'close')
    createInterface(this.#process.stdout!).on('line', (line) => this.lines.push(line))
    this.#process.stderr!.on('data', (chunk) => (this.#errors += String(chunk)))
  }

  /** What it has written to stderr. */
  get errors(): string {
    return this.#errors
  }

  get pid(): number {
    return this.#process.pid!
  }

  get isOver(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null
  }

  tell(line: string): void {
    this.#process.stdin!.write(`${line}\n`)
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** @returns its exit code, or the signal that ended it */
  async over(): Promise<number | NodeJS.Signals> {
    await this.#ended
    return this.#process.exitCode ?? this.#process.signalCode!
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isOver) this.signal('SIGKILL')
    await this.#ended
  }
}
