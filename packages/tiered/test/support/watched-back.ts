import type { Back, Found, Log, StoreKey } from '@tidemark/core'

/** A real back tier that counts what it is asked, and can keep the answers of its reads until they are released. */
export interface WatchedBack extends Back {
  /** Keys that were read, one by one or together. */
  readonly keysRead: number
  /** Calls of `read`. */
  readonly reads: number
  /** Pages that were scanned. */
  readonly scans: number
  /** From now on reads are executed, and their answers wait. */
  holdReads(): HeldReads
}

interface HeldReads {
  /** Resolves when this many reads have been executed. */
  executed(count?: number): Promise<void>
  release(): void
}

export function watchedBack(back: Back, log: Log = back.log): WatchedBack {
  return new Watched(back, log)
}

class Watched implements WatchedBack {
  readonly log: Log
  keysRead = 0
  reads = 0
  scans = 0
  readonly #back: Back
  #held: Held | undefined

  constructor(back: Back, log: Log) {
    this.#back = back
    this.log = log
  }

  get name(): string {
    return this.#back.name
  }

  get codec(): Back['codec'] {
    return this.#back.codec
  }

  get origin(): string {
    return this.#back.origin
  }

  get agreements(): Back['agreements'] {
    return this.#back.agreements
  }

  get leases(): Back['leases'] {
    return this.#back.leases
  }

  get marks(): Back['marks'] {
    return this.#back.marks
  }

  get sync(): Back['sync'] {
    return this.#back.sync
  }

  get compaction(): Back['compaction'] {
    return this.#back.compaction
  }

  get renewal(): Back['renewal'] {
    return this.#back.renewal
  }

  get readOptions(): Back['readOptions'] {
    return this.#back.readOptions
  }

  get writeOptions(): Back['writeOptions'] {
    return this.#back.writeOptions
  }

  holdReads(): HeldReads {
    const held = new Held(() => {
      if (this.#held === held) this.#held = undefined
    })
    this.#held = held
    return held
  }

  readOne(key: StoreKey): Found | Promise<Found> {
    this.keysRead++
    return this.#back.readOne(key)
  }

  async read(keys: readonly StoreKey[]): Promise<readonly Found[]> {
    this.reads++
    this.keysRead += keys.length
    const held = this.#held
    const found = await this.#back.read(keys)
    await held?.wait()
    return found
  }

  scan: Back['scan'] = (range, options) => {
    this.scans++
    return this.#back.scan(range, options)
  }

  commit: Back['commit'] = (proposal) => this.#back.commit(proposal)
  scanKeys: Back['scanKeys'] = (range, options) => this.#back.scanKeys(range, options)
  count: Back['count'] = (range) => this.#back.count(range)
  expire: Back['expire'] = (limit) => this.#back.expire(limit)
  restored: Back['restored'] = () => this.#back.restored()
  onCommit: Back['onCommit'] = (listener) => this.#back.onCommit(listener)
  close: Back['close'] = () => this.#back.close()
}

class Held implements HeldReads {
  readonly #released = Promise.withResolvers<void>()
  readonly #onRelease: () => void
  #count = 0
  #watchers: { readonly count: number; readonly resolve: () => void }[] = []

  constructor(onRelease: () => void) {
    this.#onRelease = onRelease
  }

  wait(): Promise<void> {
    this.#count++
    for (const { count, resolve } of this.#watchers) if (count <= this.#count) resolve()
    return this.#released.promise
  }

  executed(count = 1): Promise<void> {
    if (this.#count >= count) return Promise.resolve()
    return new Promise((resolve) => this.#watchers.push({ count, resolve }))
  }

  release(): void {
    this.#onRelease()
    this.#released.resolve()
  }
}
