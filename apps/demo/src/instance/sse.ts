import { once } from 'node:events'
import type { ServerResponse } from 'node:http'

/** One server-sent event. */
export interface SseEvent {
  /** Where a client resumes after this event; undefined: where it would have before. */
  readonly id: string | undefined
  readonly event: string
  readonly data: string
}

const HEARTBEAT_MS = 15_000

/** Writes server-sent events to one client, as fast as it takes them. */
export class SseWriter {
  readonly #raw: ServerResponse
  readonly #signal: AbortSignal
  readonly #heartbeat: NodeJS.Timeout

  /** `signal` aborts when the client is gone or the instance stops. */
  constructor(raw: ServerResponse, signal: AbortSignal) {
    this.#raw = raw
    this.#signal = signal
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
    raw.flushHeaders()
    // Keeps proxies from closing a quiet stream, and finds out about a client that went away without a word.
    this.#heartbeat = setInterval(() => {
      if (!raw.writableNeedDrain) raw.write(': heartbeat\n\n')
    }, HEARTBEAT_MS).unref()
  }

  /** Resolves when the client has room for more: whoever awaits it never buffers more than these events. */
  async write(events: readonly SseEvent[]): Promise<void> {
    if (this.#signal.aborted) return
    if (this.#raw.write(events.map(format).join(''))) return
    await once(this.#raw, 'drain', { signal: this.#signal }).catch(() => undefined)
  }

  end(): void {
    clearInterval(this.#heartbeat)
    this.#raw.end()
  }
}

function format({ id, event, data }: SseEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`
}
