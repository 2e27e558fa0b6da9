import { type Back, type Clock, ClosedError, type Lease, TidemarkError } from '@tidemark/core'
import { writerKey } from './journal-keys.ts'

const LONGEST_PAUSE_MS = 250

export interface WriterLeaseOptions {
  readonly back: Back
  readonly clock: Clock
  readonly name: string
  readonly leaseMs: number
}

/** The right to write a journal. Every commit names it, so that who has lost it writes nothing any more. */
export class WriterLease {
  readonly #options: WriterLeaseOptions
  #lease: Lease
  #isReleased = false
  #cancel: () => void

  private constructor(lease: Lease, options: WriterLeaseOptions) {
    this.#lease = lease
    this.#options = options
    this.#cancel = this.#soon()
  }

  /**
   * Takes it, or waits for what a dead process has left: its time runs out, while a live one prolongs it.
   * @throws TidemarkError ANOTHER_WRITER
   */
  static async take(options: WriterLeaseOptions): Promise<WriterLease> {
    const { back, clock, name, leaseMs } = options
    const key = writerKey(name)
    const giveUpAt = clock.monotonic() + 2 * leaseMs
    let last = Infinity
    for (;;) {
      const grant = await back.leases.acquire(key, leaseMs)
      if (grant.lease !== undefined) return new WriterLease(grant.lease, options)
      const { remainingMs } = grant
      if (remainingMs > last || clock.monotonic() >= giveUpAt) throw anotherWriter(name, remainingMs)
      last = remainingMs
      await clock.sleep(Math.min(LONGEST_PAUSE_MS, Math.max(1, remainingMs)))
    }
  }

  /** What a commit names. */
  get lease(): Lease {
    return this.#lease
  }

  /**
   * Takes it once more, when its time was up before it was renewed: a process may be stopped, or its disk, for longer than
   * that. Whether somebody else has written in between, the caller has to see for himself.
   * @returns whether it was to be had
   */
  async retake(): Promise<boolean> {
    const { back, name, leaseMs } = this.#options
    const { lease } = await back.leases.acquire(writerKey(name), leaseMs)
    if (lease === undefined) return false
    this.#lease = lease
    this.#cancel()
    this.#cancel = this.#soon()
    return true
  }

  /**
   * It is held, also when the process has been busy for longer than its time.
   * @param isUntouched whether nobody has written in between; asked only then
   * @throws TidemarkError ANOTHER_WRITER
   */
  async ensure(isUntouched: () => Promise<boolean>): Promise<void> {
    const { back, name, leaseMs } = this.#options
    if (await back.leases.renew(this.#lease, leaseMs)) return
    if (!(await this.retake()) || !(await isUntouched())) throw anotherWriter(name, leaseMs)
  }

  /** Never rejects: it runs out by itself. */
  async release(): Promise<void> {
    this.#isReleased = true
    this.#cancel()
    await this.#options.back.leases.release(this.#lease).catch(() => undefined)
  }

  #soon(): () => void {
    const { clock, leaseMs } = this.#options
    return clock.schedule(leaseMs / 3, () => void this.#renew())
  }

  /** That it is lost, the next commit tells. */
  async #renew(): Promise<void> {
    const { back, leaseMs } = this.#options
    const lease = this.#lease
    let isHeld = true
    try {
      isHeld = await back.leases.renew(lease, leaseMs)
    } catch (error) {
      // A back tier that is busy now may have time for the next renewal.
      isHeld = !(error instanceof ClosedError)
    }
    if (isHeld && !this.#isReleased && lease === this.#lease) this.#cancel = this.#soon()
  }
}

function anotherWriter(name: string, remainingMs: number): TidemarkError {
  return new TidemarkError(
    'ANOTHER_WRITER',
    `${name} is open for writing elsewhere, for ${Math.ceil(remainingMs)} ms at least: one process writes at a time; close it there`,
    { retryable: true, key: name },
  )
}
