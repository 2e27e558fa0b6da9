import { type ChildProcess, fork } from 'node:child_process'

type Answer = { readonly result: unknown } | { readonly error: string }

/** Another process of the same contender: one that writes what this one reads. It ends with this one. */
export class Companion<Q extends object, A> {
  readonly #child: ChildProcess
  readonly #gone: Promise<never>
  #answered: ((answer: Answer) => void) | undefined

  /** `program` runs {@link serve}; `setup` is its only argument, in JSON. */
  constructor(program: URL, setup: object) {
    this.#child = fork(program, [JSON.stringify(setup)], { stdio: ['ignore', 2, 2, 'ipc'], execArgv: [] })
    this.#child.on('message', (answer: Answer) => this.#answered?.(answer))
    this.#gone = new Promise((_, reject) => {
      this.#child.once('exit', (code, signal) => reject(new Error(`the companion ended with ${signal ?? code}`)))
    })
    this.#gone.catch(() => undefined)
  }

  /** One question at a time. @throws when the companion fails, or is gone */
  async ask(question: Q): Promise<A> {
    const answered = new Promise<Answer>((resolve) => (this.#answered = resolve))
    this.#child.send(question)
    const answer = await Promise.race([answered, this.#gone])
    if ('error' in answer) throw new Error(`the companion failed: ${answer.error}`)
    return answer.result as A
  }

  async close(): Promise<void> {
    this.#child.disconnect()
    await this.#gone.catch(() => undefined)
  }
}

/** The other end: answers questions, until the process that asks them is gone or has what it wanted. */
export function serve<S, Q, A>(open: (setup: S) => Promise<(question: Q) => Promise<A>>): void {
  const answering = open(JSON.parse(process.argv[2] ?? '{}') as S)
  const tell = (answer: Answer): void => void process.send?.(answer)
  process.on('message', (question: Q) => {
    answering
      .then((answer) => answer(question))
      .then((result) => tell({ result }))
      .catch((error: unknown) =>
        tell({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      )
  })
  process.on('disconnect', () => process.exit())
}
