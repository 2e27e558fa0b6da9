import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { guard } from '@tidemark/testkit/redis-server'
import type { FromWorker, ToWorker, WorkerConfig } from '../worker/protocol.ts'
import { type Sabotage, SABOTAGE_VARIABLE } from '../worker/sabotage/sabotage.ts'

const ENTRY = fileURLToPath(new URL('../chaos-worker.ts', import.meta.url))
const STOP_WITHIN_MS = 6_000

/** One life of a worker, as a process. It ends with this process at the latest. */
export class WorkerProcess {
  readonly session: string
  readonly ready: Promise<void>
  /** Resolves when it has ended, with what it said at last when nobody had told it to end. */
  readonly ended: Promise<string | undefined>
  readonly #child: ChildProcess
  #isExpected = false
  #ops = 0

  constructor(config: WorkerConfig, sabotage: Sabotage | undefined) {
    this.session = config.session
    const child = fork(ENTRY, [], {
      // Ctrl-C in the terminal reaches only the parent, which then stops everything in order.
      detached: true,
      execArgv: [],
      env: { ...process.env, ...(sabotage !== undefined && { [SABOTAGE_VARIABLE]: sabotage }) },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child = child
    // It ends by itself when the channel closes, unless it is stopped by a signal just then.
    const unguard = child.pid === undefined ? undefined : guard(child.pid)
    let said = ''
    child.stderr!.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-2_000)))
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        unguard?.()
        resolve(this.#isExpected ? undefined : `${this.session} ended with ${how}: ${said.trim()}`)
      }
      child.on('error', (error) => child.pid === undefined && end(error.message))
      child.once('exit', (code, signal) => end(signal ?? `code ${code}`))
    })
    child.on('message', (message: FromWorker) => {
      if (message.type === 'progress') this.#ops = message.ops
    })
    this.ready = this.#told('ready')
    this.#send({ type: 'start', config })
  }

  /** Calls that have returned, as it said last. */
  get ops(): number {
    return this.#ops
  }

  async kill(): Promise<void> {
    this.#isExpected = true
    this.#child.kill('SIGKILL')
    await this.ended
  }

  pause(): void {
    this.#child.kill('SIGSTOP')
  }

  resume(): void {
    this.#child.kill('SIGCONT')
  }

  /** No more calls; resolves when those under way have returned. Rejects when it ends before. */
  drain(): Promise<void> {
    return this.#ask('drain', 'drained')
  }

  /** Every key is read once more. */
  readLast(): Promise<void> {
    return this.#ask('last', 'lastRead')
  }

  async stop(): Promise<void> {
    this.#isExpected = true
    this.#send({ type: 'stop' })
    const kill = setTimeout(() => void this.kill(), STOP_WITHIN_MS)
    await this.ended
    clearTimeout(kill)
  }

  #ask(type: 'drain' | 'last', answer: FromWorker['type']): Promise<void> {
    const told = this.#told(answer)
    this.#send({ type })
    return told
  }

  #send(message: ToWorker): void {
    // When it cannot be sent any more, the process has ended, which whoever waits for an answer hears of.
    if (this.#child.connected) this.#child.send(message, () => undefined)
  }

  #told(type: FromWorker['type']): Promise<void> {
    const told = new Promise<void>((resolve, reject) => {
      const listen = (message: FromWorker): void => {
        if (message.type !== type) return
        this.#child.off('message', listen)
        resolve()
      }
      this.#child.on('message', listen)
      void this.ended.then((how) => reject(new Error(how ?? `${this.session} was ended before it was ${type}`)))
    })
    // Whoever awaits it hears of a failure; nobody has to.
    told.catch(() => undefined)
    return told
  }
}
