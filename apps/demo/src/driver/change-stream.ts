import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { WatchRecord } from '../checks/watch-record.ts'
import { StreamCheck } from '../checks/stream-check.ts'
import { serverEvents } from './sse-client.ts'

/** What the driver looks at in an event of `GET /changes`. */
export interface StreamedChange {
  readonly seq: number
  readonly op: string
  readonly key: readonly (string | number)[]
  /** The commit that it belongs to. */
  readonly txn: { readonly first: number; readonly last: number }
  readonly at: number
  /** Of places: the mark of whoever edited it last. */
  readonly value?: { readonly rev?: number } | undefined
}

/** How long a connection is kept. Hanging up now and then shows that resuming loses nothing and repeats nothing. */
const HANG_UP_AFTER_MS = 5_000
const RETRY_MS = 100
const MAX_FAILURES = 20

/** One subscriber of one instance's change stream. Takes whole commits only: what was cut off comes again when it resumes. */
export class ChangeStream {
  readonly lagMs: RecordableHistogram = createHistogram({ lowest: 1, highest: 60_000, figures: 3 })
  /** What the subscriber was shown. */
  readonly record: WatchRecord
  readonly #url: () => string | undefined
  readonly #onChange: (change: StreamedChange) => void
  readonly #stop = new AbortController()
  #check: StreamCheck | undefined
  #token: string | undefined
  /** What has come of a commit that is not complete. */
  #commit: StreamedChange[] = []
  #resumes = 0
  #running: Promise<void> = Promise.resolve()

  /** `name` is for people; `url` tells where to subscribe; undefined: nobody is there for now. */
  constructor(name: string, url: () => string | undefined, onChange: (change: StreamedChange) => void) {
    this.record = new WatchRecord(name)
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
      const url = this.#url()
      if (url === undefined) {
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined)
        continue
      }
      try {
        await this.#follow(url, onStart, AbortSignal.any([signal, AbortSignal.timeout(HANG_UP_AFTER_MS)]))
        failures = 0
      } catch (error) {
        failures = this.#check?.position === before ? failures + 1 : 1
        if (failures === MAX_FAILURES) throw error
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined)
      }
      if (!signal.aborted) this.#resumes++
    }
  }

  async #follow(url: string, onStart: () => void, signal: AbortSignal): Promise<void> {
    this.#commit = []
    let isFirst = true
    for await (const { id, event, data } of serverEvents(url, this.#token, signal)) {
      const content = JSON.parse(data) as StreamedChange
      if (event === 'error') throw new Error(`the change stream of ${url} failed: ${data}`)
      if (isFirst) this.record.begin(this.#token ?? id)
      isFirst = false
      if (event !== 'bookmark') {
        this.#commit.push(content)
        if (content.seq === content.txn.last) this.#takeCommit(id)
        continue
      }
      this.#token = id
      this.record.take([], id)
      if (this.#check !== undefined) continue
      this.#check = new StreamCheck(content.seq)
      onStart()
    }
  }

  #takeCommit(token: string): void {
    this.#token = token
    this.record.take(this.#commit, token)
    for (const change of this.#commit.splice(0)) this.#take(change)
  }

  #take(change: StreamedChange): void {
    this.check.deliver(change.seq)
    this.lagMs.record(Math.max(1, Date.now() - change.at))
    this.#onChange(change)
  }
}
