import { type JsonLinesSink, jsonLines } from '@tidemark/sinks'
import { type Consumer, type KeyTuple, open, type Sync, sync, type Tidemark } from 'tidemark'

/** The consumer that writes the audit. */
export const AUDIT = 'audit'

/** Who was killed is succeeded soon. */
const LEASE_MS = 2_000
const AUDIT_LANES = 4

export interface WorkerOptions {
  /** With the values and the log. */
  readonly file: string
  /** Of JSON lines. */
  readonly auditFile: string
  /** Of the store that follows. */
  readonly replicaFile: string
  readonly onError: (error: unknown) => void
  /** For tests that break what is written: another sink, made of the right one. */
  readonly audit?: ((sink: JsonLinesSink) => JsonLinesSink) | undefined
  /** For tests that break what is copied. @default every key */
  readonly isCopied?: ((key: KeyTuple) => boolean) | undefined
}

/** What `GET /stats` of the worker answers. */
export interface WorkerStats {
  readonly pid: number
  readonly audit: {
    /** How many changes the slowest lane is behind the head of the log. */
    readonly lag: number
    /** Lines written since this process has the lanes. */
    readonly processed: number
  }
  readonly replica: {
    readonly phase: Sync['state']['phase']
    readonly position: number
    readonly lag: number
    readonly taken: number
  }
}

/**
 * What follows the log on the side: an audit, as lines of JSON in a file, and a replica in a file of its own. One process, since a file of lines
 * is written by one at a time; started anew, it goes on where it was.
 */
export class Worker {
  readonly #source: Tidemark
  readonly #replica: Tidemark
  readonly #sink: JsonLinesSink
  readonly #audit: Consumer
  readonly #sync: Sync

  private constructor(parts: {
    source: Tidemark
    replica: Tidemark
    sink: JsonLinesSink
    audit: Consumer
    sync: Sync
  }) {
    this.#source = parts.source
    this.#replica = parts.replica
    this.#sink = parts.sink
    this.#audit = parts.audit
    this.#sync = parts.sync
  }

  /** Resolves when both go on, however far they are behind. */
  static async start(options: WorkerOptions): Promise<Worker> {
    const { file, auditFile, replicaFile, onError, audit: broken = (sink) => sink, isCopied } = options
    // It only reads the log: what would be cached, nobody would ask for.
    const plain = { near: false, sweepEveryMs: 0, log: false, onError } as const
    const source = await open({ file, ...plain })
    const replica = await open({ file: replicaFile, ...plain })
    const sink = broken(jsonLines(auditFile, { onError }))
    const audit = await source.consume(AUDIT, { lanes: AUDIT_LANES, batch: 200, leaseMs: LEASE_MS }, sink)
    const copying = sync(source, replica, { name: 'replica', leaseMs: LEASE_MS, filter: isCopied })
    return new Worker({ source, replica, sink, audit, sync: copying })
  }

  async stats(): Promise<WorkerStats> {
    const { lag, lanes, processed, head } = await this.#audit.stats()
    const { phase, position, taken } = this.#sync.state
    const isMine = lanes.every(({ owned }) => owned)
    return {
      pid: process.pid,
      audit: { lag: isMine ? lag : Math.max(1, lag), processed },
      replica: { phase, position, lag: Math.max(0, head - position), taken },
    }
  }

  async close(): Promise<void> {
    await this.#source.close()
    await this.#replica.close()
    // After its consumer.
    await this.#sink.close()
  }
}
