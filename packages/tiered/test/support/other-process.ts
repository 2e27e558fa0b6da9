import type { Back, Log } from '@tidemark/core'

/** The same back tier as another process sees it: commits are not announced, only the log tells. */
export function seenFromOutside(back: Back, log: Log = back.log): Back {
  return {
    name: back.name,
    codec: back.codec,
    origin: 'outside',
    log,
    agreements: back.agreements,
    leases: back.leases,
    marks: back.marks,
    compaction: back.compaction,
    renewal: back.renewal,
    sync: back.sync,
    readOptions: back.readOptions,
    writeOptions: back.writeOptions,
    readOne: (key, options) => back.readOne(key, options),
    read: (keys, options) => back.read(keys, options),
    commit: (proposal, options) => back.commit(proposal, options),
    scan: (range, options) => back.scan(range, options),
    scanKeys: (range, options) => back.scanKeys(range, options),
    count: (range) => back.count(range),
    expire: (limit) => back.expire(limit),
    restored: () => back.restored(),
    onCommit: () => () => {},
    // Whoever opened it closes it.
    close: async () => {},
  }
}

/** What a log that is made by hand takes over from the one beneath it. */
export function searchesOf(log: Log): Pick<Log, 'at' | 'seqBefore' | 'changesOf'> {
  return {
    at: (seqs) => log.at(seqs),
    seqBefore: (at) => log.seqBefore(at),
    changesOf: (key, options) => log.changesOf(key, options),
  }
}

/** A log that takes a round trip, and fails on demand. */
export class RemoteLog implements Log {
  readonly identity: Log['identity']
  readonly sync = undefined
  /** Thrown by every call while it is set. */
  failure: Error | undefined
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
    this.identity = log.identity
  }

  async head(): Promise<number> {
    await this.#travel()
    return this.#log.head()
  }

  async floor(): Promise<number> {
    await this.#travel()
    return this.#log.floor()
  }

  async read(options: Parameters<Log['read']>[0]): ReturnType<Log['read']> {
    await this.#travel()
    return this.#log.read(options)
  }

  async at(seqs: readonly number[]): ReturnType<Log['at']> {
    await this.#travel()
    return this.#log.at(seqs)
  }

  async seqBefore(at: number): ReturnType<Log['seqBefore']> {
    await this.#travel()
    return this.#log.seqBefore(at)
  }

  async changesOf(...args: Parameters<Log['changesOf']>): ReturnType<Log['changesOf']> {
    await this.#travel()
    return this.#log.changesOf(...args)
  }

  async wait(after: number, signal: AbortSignal): Promise<void> {
    await this.#travel()
    await this.#log.wait(after, signal)
  }

  nudge(): void {
    this.#log.nudge()
  }

  async #travel(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    if (this.failure !== undefined) throw this.failure
  }
}
