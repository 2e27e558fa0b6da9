import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { StreamCheck } from '../checks/stream-check.ts'
import { serverEvents } from './sse-client.ts'

/** What the driver looks at in an event of `GET /changes`. */
export interface StreamedChange {
  readonly seq: number
  readonly op: string
  readonly key: readonly unknown[]
  readonly at: number
}

/** How long a connection is kept. Hanging up now and then shows that resuming loses nothing and repeats nothing. */
const HANG_UP_AFTER_MS = 5_000
const RETRY_MS = 100
const MAX_FAILURES = 20

/** One subscriber of one instance's change stream. */
export class ChangeStream {
  readonly lagMs: RecordableHistogram = createHistogram({ lowest: 1, highest: 60_000, figures: 3 })
  readonly #url: string
  readonly #onChange: (change: StreamedChange) => void
  readonly #stop = new AbortController()
  #check: StreamCheck | undefined
  #token: string | undefined
  #resumes = 0
  #running: Promise<void> = Promise.resolve()

  constructor(url: string, onChange: (change: StreamedChange) => void) {
    this.#url = url
    this.#onChange = onChange
  }

  get check(): StreamCheck {
    if (this.#check === undefined) throw new Error('the stream has not started yet')
    return this.#check
  }

  /** How often it has hung up and gone on from its last token. */
  get resumes(): number {
    return this.#resumes
  }

  /** Resolves when the stream stands somewhere: what is written from now on must be delivered. */
  start(onFailure: (error: unknown) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#running = this.#run(resolve).catch((error: unknown) => {
        reject(error)
        onFailure(error)
      })
    })
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(onStart: () => void): Promise<void> {
    const { signal } = this.#stop
    for (let failures = 0; !signal.aborted;) {
      const before = this.#check?.position
      try {
        await this.#follow(onStart, AbortSignal.any([signal, AbortSignal.timeout(HANG_UP_AFTER_MS)]))
        failures = 0
      } catch (error) {
        failures = this.#check?.position === before ? failures + 1 : 1
        if (failures === MAX_FAILURES || this.#check === undefined) throw error
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined)
      }
      if (!signal.aborted) this.#resumes++
    }
  }

  async #follow(onStart: () => void, signal: AbortSignal): Promise<void> {
    for await (const { id, event, data } of serverEvents(this.#url, this.#token, signal)) {
      const content = JSON.parse(data) as StreamedChange
      if (event === 'error') throw new Error(`the change stream of ${this.#url} failed: ${data}`)
      this.#token = id
      if (event !== 'bookmark') this.#take(content)
      else if (this.#check === undefined) {
        this.#check = new StreamCheck(content.seq)
        onStart()
      }
    }
  }

  #take(change: StreamedChange): void {
    this.check.deliver(change.seq)
    this.lagMs.record(Math.max(1, Date.now() - change.at))
    this.#onChange(change)
  }
}
