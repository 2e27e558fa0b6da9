import { setTimeout as sleep } from 'node:timers/promises'
import { ViewCheck } from '../checks/view-check.ts'
import { ChangeStream, type StreamedChange } from './change-stream.ts'
import { InstanceClient, type Reply } from './client.ts'
import type { Tally } from './tally.ts'

export interface ReaderVisitOptions {
  readonly url: string
  readonly tally: Tally
  readonly drawPlace: () => number
  readonly onChange: (change: StreamedChange) => void
}

/** Reads are spread: this is a side door, and not to take the place of the others. */
const PAUSE_MS = 5

/** Somebody who reads through the instance without the file, and listens to what it shows: every second read is of a place that it has just told of. */
export class ReaderVisit {
  readonly client: InstanceClient
  readonly stream: ChangeStream
  readonly check: ViewCheck = new ViewCheck()
  readonly #options: ReaderVisitOptions

  constructor(options: ReaderVisitOptions) {
    this.#options = options
    this.client = new InstanceClient(0, options.url, 1)
    const url = (): string | undefined => (this.client.isUp ? this.client.url : undefined)
    this.stream = new ChangeStream('the reader', url, (change) => this.#heard(change))
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.client.isUp) await this.#read()
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined)
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.stream.close(), this.client.close()])
  }

  async #read(): Promise<void> {
    const { client, check } = this
    const { tally, drawPlace } = this.#options
    const id = (Math.random() < 0.5 ? check.recent(Math.random()) : undefined) ?? drawPlace()
    const expected = check.expect(id)
    const { life } = client
    try {
      const { status, version, body } = await client.request('GET', id)
      if (status === 200) check.observe(expected, { version, rev: body?.['rev'] as number | undefined })
      else if (status === 404 || isNotHeld(body)) check.observe(expected, { version: 0, rev: undefined })
      else tally.failed(`the reader: GET ${id} answered ${status} ${JSON.stringify(body)}`)
    } catch (error) {
      if (client.life === life) tally.failed(`the reader: GET ${id} failed: ${(error as Error).message}`)
      else tally.interrupted++
    }
  }

  #heard(change: StreamedChange): void {
    const { seq, key, value } = change
    const [kind, id] = key
    if (kind === 'place') this.check.shown(Number(id), seq, value?.rev)
    this.#options.onChange(change)
  }
}

/** The instance without the file does not know whether there is such a place. */
function isNotHeld(body: Reply['body']): boolean {
  return (body?.['error'] as { readonly code?: unknown } | undefined)?.code === 'NOT_HELD'
}
