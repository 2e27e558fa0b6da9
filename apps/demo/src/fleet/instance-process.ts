import { type ChildProcess, fork } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { nameOf } from '../instance/name.ts'
import type { Verified } from '../figures.ts'
import type { InstanceConfig, InstanceMessage, StartMessage, StopMessage, VerifyMessage } from '../instance/protocol.ts'

const ENTRY = fileURLToPath(new URL('../instance/main.ts', import.meta.url))
const STOP_WITHIN_MS = 6_000
/** More than a call to a front may take that was begun when the time was up. */
const ANSWER_WITHIN_MS = 3_000

export interface InstanceEvents {
  readonly onWarming: (done: number, total: number) => void
  /** It ended without having been told to. */
  readonly onCrash: (message: string) => void
  /** News that it has, in words. */
  readonly onLog: (line: string) => void
  /** A line that it wrote to its standard error. */
  readonly onLine: (line: string) => void
}

/** One instance, as the process that the fleet runs it in. */
export class InstanceProcess {
  readonly instance: number
  readonly pid: number | undefined
  /** Resolves with the base URL when requests are served. Rejects when the instance ends before. */
  readonly ready: Promise<string>
  /** Resolves when the process is gone. */
  readonly exited: Promise<void>
  readonly #child: ChildProcess
  #isReady = false
  #isStopping = false

  constructor(config: InstanceConfig, events: InstanceEvents) {
    this.instance = config.instance
    // A session of its own: Ctrl-C in the terminal reaches only the fleet, which then stops everything in order.
    const child = fork(ENTRY, [], {
      detached: true,
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child = child
    // Not as an argument: those are for everybody on this machine to read, and the URL of a Redis may hold a password.
    child.send({ type: 'start', config } satisfies StartMessage)
    this.pid = child.pid
    createInterface({ input: child.stderr! }).on('line', events.onLine)
    this.ready = this.#whenReady(events)
    // Whoever awaits it hears of the failure; until then it is nobody's unhandled rejection.
    this.ready.catch(() => undefined)
    this.exited = new Promise((resolve) => {
      // It could not be started, or a message to it could not be sent any more; `ready` and `exit` tell.
      child.on('error', () => child.pid === undefined && resolve())
      child.once('exit', (code, signal) => {
        resolve()
        if (!this.#isReady || this.#isStopping) return
        events.onCrash(`${nameOf(this.instance)} (pid ${this.pid}) ended with ${signal ?? `code ${code}`}`)
      })
    })
  }

  /** Has it compare the shared front with the file. What keeps it from that is the `error` of the result. */
  verify(withinMs: number, onProgress: (records: number) => void): Promise<Verified> {
    return new Promise((resolve) => {
      const end = (result: Verified): void => {
        clearTimeout(timer)
        this.#child.off('message', onMessage)
        resolve(result)
      }
      const fail = (error: string): void => end({ records: 0, differences: 0, complete: false, error })
      const onMessage = (message: InstanceMessage): void => {
        if (message.type === 'verifying') onProgress(message.records)
        else if (message.type === 'verified') end(message.result)
      }
      const timer = setTimeout(() => fail(`${nameOf(this.instance)} does not answer`), withinMs + ANSWER_WITHIN_MS)
      this.#child.on('message', onMessage)
      void this.exited.then(() => fail(`${nameOf(this.instance)} has ended`))
      if (this.#child.connected) this.#child.send({ type: 'verify', withinMs } satisfies VerifyMessage)
    })
  }

  /** Asks it to finish, and ends it when it does not. Resolves when the process is gone. */
  async stop(): Promise<void> {
    this.#isStopping = true
    if (this.#child.connected) this.#child.send({ type: 'stop' } satisfies StopMessage)
    const kill = setTimeout(() => this.kill(), STOP_WITHIN_MS)
    await this.exited
    clearTimeout(kill)
  }

  kill(): void {
    this.#isStopping = true
    this.#child.kill('SIGKILL')
  }

  #whenReady({ onLog, onWarming }: InstanceEvents): Promise<string> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => reject(new Error(`${nameOf(this.instance)} did not start: ${why}`))
      this.#child.on('message', (message: InstanceMessage) => {
        if (message.type === 'warming') onWarming(message.done, message.total)
        else if (message.type === 'failed') fail(message.message)
        else if (message.type === 'log') onLog(message.line)
        else if (message.type === 'ready') {
          this.#isReady = true
          resolve(`http://127.0.0.1:${message.port}`)
        }
      })
      this.#child.once('error', (error) => fail(error.message))
      this.#child.once('exit', (code, signal) => fail(`it ended with ${signal ?? `code ${code}`}`))
    })
  }
}
