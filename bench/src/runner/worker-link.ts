import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Answer, Assignment, Order } from './messages.ts'

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url))
/** A round of a slow disk may take long; a worker that hangs must not hold the run for ever. */
const PATIENCE_MS = 600_000

type AnswerOf<T extends Answer['type']> = Extract<Answer, { type: T }>

/** The parent's end of one worker. One order at a time. */
export class WorkerLink {
  readonly name: string
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  #ended: string | undefined
  #settle: ((answer: Answer) => void) | undefined
  /** What came while nobody waited: a failure in the background. */
  #unasked: Answer | undefined

  constructor(assignment: Assignment) {
    this.name = assignment.contender
    // Standard output belongs to the report.
    this.#child = fork(WORKER, [JSON.stringify(assignment)], { stdio: ['ignore', 2, 2, 'ipc'], execArgv: [] })
    this.#child.on('message', (answer: Answer) => this.#receive(answer))
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        this.#ended = `ended with ${signal ?? `code ${code}`}`
        this.#receive({ type: 'failed', message: `the process of ${this.name} ${this.#ended}` })
        resolve()
      })
    })
  }

  ready(): Promise<AnswerOf<'ready'>> {
    return this.#expect('ready')
  }

  round(): Promise<AnswerOf<'round'>> {
    return this.#order('round')
  }

  async finish(): Promise<AnswerOf<'finished'>> {
    const answer = await this.#order<'finished'>('finish', 'finished')
    this.#child.disconnect()
    await this.#exited
    return answer
  }

  /** At once, without asking. */
  kill(): void {
    if (this.#ended === undefined) this.#child.kill('SIGKILL')
  }

  #order<T extends 'round' | 'finished'>(order: Order, type: T = 'round' as T): Promise<AnswerOf<T>> {
    const answer = this.#expect(type)
    if (this.#ended === undefined) this.#child.send(order)
    return answer
  }

  async #expect<T extends Answer['type']>(type: T): Promise<AnswerOf<T>> {
    const answer = this.#unasked ?? (await this.#next())
    if (answer.type === 'failed') throw new Error(answer.message)
    if (answer.type !== type) throw new Error(`${this.name} answered ${answer.type} instead of ${type}`)
    return answer as AnswerOf<T>
  }

  #next(): Promise<Answer> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        resolve({ type: 'failed', message: `${this.name} did not answer within ${PATIENCE_MS / 1000} s` })
      }, PATIENCE_MS)
      this.#settle = (answer) => {
        clearTimeout(timer)
        resolve(answer)
      }
    })
  }

  #receive(answer: Answer): void {
    const settle = this.#settle
    this.#settle = undefined
    if (settle !== undefined) settle(answer)
    else if (answer.type === 'failed') this.#unasked ??= answer
  }
}
