import type { Log } from '@tidemark/core'
import { type ChangesOptions, changes, decodeToken } from '@tidemark/hooks'
import { type StreamEvent, type StreamHistory, StreamRecorder } from '@tidemark/testkit'

/** A log as one process sees it, until it is closed. */
interface WatchedLog {
  readonly log: Log
  close(): Promise<void>
}

export interface WatcherOptions {
  readonly name: string
  /** Connects, as a process that has just started does. */
  readonly open: () => Promise<WatchedLog>
  readonly wants?: Pick<ChangesOptions, 'prefix' | 'ops' | 'batch' | 'bookmarks'>
  readonly isWanted?: (event: StreamEvent) => boolean
}

/** A subscriber that stores its tokens, begins again after whatever ends its stream, and writes down what it is given. */
export class Watcher {
  readonly #options: WatcherOptions
  readonly #recorder: StreamRecorder
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  /** In the order in which they came. */
  readonly #tokens: string[] = []
  #session = new AbortController()
  #position = 0
  /** What ended its streams, and was not its own doing. */
  readonly failures: unknown[] = []
  /** How often it was told that it has missed something. */
  skips = 0

  constructor(options: WatcherOptions) {
    this.#options = options
    this.#recorder = new StreamRecorder({
      subscriber: options.name,
      positionOf: (token) => decodeToken(token).seq,
      isWanted: options.isWanted,
    })
    this.#recorder.start(0)
    this.#running = this.#run()
  }

  /** Up to here it was given everything that it wants, or was told that it was not. */
  get position(): number {
    return this.#position
  }

  /** Its process ends, and another one takes its place. @param stored whether it has kept the last token */
  restart(stored: boolean): void {
    this.#session.abort()
    if (!stored) this.#tokens.pop()
  }

  history(followedTo: number): StreamHistory {
    return this.#recorder.history(followedTo)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#session.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    for (let isFirst = true; !this.#stop.signal.aborted; isFirst = false) {
      this.#session = new AbortController()
      const { signal } = this.#session
      try {
        const watched = await this.#options.open()
        try {
          await this.#watch(watched.log, signal, isFirst)
        } finally {
          await watched.close()
        }
      } catch (error) {
        if (!signal.aborted) this.failures.push(error)
      }
    }
  }

  async #watch(log: Log, signal: AbortSignal, isFirst: boolean): Promise<void> {
    const after = this.#tokens.at(-1)
    if (after !== undefined) this.#recorder.start(after)
    else if (!isFirst) this.#recorder.start(0)
    const place: ChangesOptions = after === undefined ? { from: 'start' } : { after }
    for await (const batch of changes(log, { ...this.#options.wants, ...place, onCompacted: 'latest', signal })) {
      // What comes while it ends was not dealt with.
      if (signal.aborted) return
      if (batch.skipped !== undefined) {
        this.skips++
        this.#recorder.start(batch.token, 'anew')
      } else this.#recorder.batch(batch)
      this.#tokens.push(batch.token)
      this.#position = decodeToken(batch.token).seq
    }
  }
}
