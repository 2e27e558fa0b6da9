import { type Back, type Clock, ClosedError, type Lease, TidemarkError } from '@tidemark/core'
import { writerKey } from './journal-keys.ts'

const LONGEST_PAUSE_MS = 250

export interface WriterLeaseOptions {
  readonly back: Back
  readonly clock: Clock
  readonly name: string
  readonly leaseMs: number
}

/**
 * The right to write a journal. Every write names it, so that who has lost it writes nothing any more. A process may be
 * stopped, or its disk, for longer than it lasts: it is taken once more then, but used only when nobody else has written.
 */
export class WriterLease {
  readonly #options: WriterLeaseOptions
  /** One under which nobody else has written since the journal was read. What replaces it has been looked into before. */
  #lease: Lease
  #isUntouched: (() => Promise<boolean>) | undefined
  #retaking: Promise<boolean> | undefined
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
    let firstLookAt: number | undefined
    for (;;) {
      const askedAt = clock.monotonic()
      const grant = await back.leases.acquire(key, leaseMs)
      if (grant.lease !== undefined) return new WriterLease(grant.lease, options)
      const { remainingMs } = grant
      firstLookAt ??= clock.monotonic()
      // With a clock that is set, what nobody prolongs may have more left than before, but never more than it had at most.
      const mostMs = Math.ceil(leaseMs) - (askedAt - firstLookAt)
      const isProlonged = remainingMs > last && remainingMs > mostMs
      if (isProlonged || clock.monotonic() >= giveUpAt) throw anotherWriter(name, remainingMs)
      last = remainingMs
      await clock.sleep(Math.min(LONGEST_PAUSE_MS, Math.max(1, remainingMs)))
    }
  }

  /**
   * From now on, when it was lost, it is taken once more.
   * @param isUntouched whether nobody has written since; asked under the new lease, before anybody gets to see that
   */
  retakeIf(isUntouched: () => Promise<boolean>): void {
    this.#isUntouched = isUntouched
  }

  /**
   * Writes something that names the lease; once more when it was lost, and nobody else has written since.
   * @throws what `write` throws. Of LEASE_LOST, the cause says why it could not be seen whether anybody has
   */
  async use<T>(write: (lease: Lease) => Promise<T>): Promise<T> {
    const lease = this.#lease
    try {
      return await write(lease)
    } catch (error) {
      if (!(error instanceof TidemarkError) || error.code !== 'LEASE_LOST') throw error
      // It has written nothing, then. What comes of the second attempt is the outcome.
      if (!(await this.#isHadAgain(lease, error))) throw error
    }
    return write(this.#lease)
  }

  /**
   * It is held, also when the process has been busy for longer than its time.
   * @throws TidemarkError ANOTHER_WRITER
   */
  async ensure(): Promise<void> {
    const { back, name, leaseMs } = this.#options
    const lease = this.#lease
    if (await back.leases.renew(lease, leaseMs)) return
    if (!(await this.#retaken(lease))) throw anotherWriter(name, leaseMs)
  }

  /**
   * Does what only makes sense while nobody else writes: what it fails with says nothing when somebody has, as a part of what it
   * has read was of before, and another of after.
   * @throws what `work` throws; TidemarkError ANOTHER_WRITER
   */
  async during<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof TidemarkError) await this.ensure()
      throw error
    }
  }

  /** Never rejects: it runs out by itself. */
  async release(): Promise<void> {
    this.#isReleased = true
    this.#cancel()
    // Which gives back what it gets.
    await this.#retaking?.catch(() => undefined)
    await this.#options.back.leases.release(this.#lease).catch(() => undefined)
  }

  async #isHadAgain(lost: Lease, error: TidemarkError): Promise<boolean> {
    try {
      return await this.#retaken(lost)
    } catch (cause) {
      throw new TidemarkError('LEASE_LOST', `${error.message}; whether anybody else has written cannot be seen`, {
        retryable: true,
        ...(error.key !== undefined && { key: error.key }),
        ...(error.tier !== undefined && { tier: error.tier }),
        cause,
      })
    }
  }

  /** Whoever finds it lost while it is being taken once more waits for that: a second attempt would meet the first one. */
  async #retaken(lost: Lease): Promise<boolean> {
    if (lost !== this.#lease) return true
    return (this.#retaking ??= this.#retake().finally(() => (this.#retaking = undefined)))
  }

  async #retake(): Promise<boolean> {
    const { back, name, leaseMs } = this.#options
    if (this.#isReleased || this.#isUntouched === undefined) return false
    const { lease } = await back.leases.acquire(writerKey(name), leaseMs)
    if (lease === undefined) return false
    let isOurs = false
    try {
      // It may run out during this, and somebody else may write: then what names it is refused, and it is looked into again.
      isOurs = await this.#isUntouched()
    } finally {
      isOurs &&= !this.#isReleased
      // Not looked into, or in vain: nothing may be written under it.
      if (!isOurs) await back.leases.release(lease).catch(() => undefined)
    }
    if (!isOurs) return false
    this.#lease = lease
    this.#cancel()
    this.#cancel = this.#soon()
    return true
  }

  #soon(): () => void {
    const { clock, leaseMs } = this.#options
    return clock.schedule(leaseMs / 3, () => void this.#renew())
  }

  /** That it is lost, the next write tells. */
  async #renew(): Promise<void> {
    const { back, leaseMs } = this.#options
    const lease = this.#lease
    let isHeld = true
    try {
      isHeld = (await back.leases.renew(lease, leaseMs)) || (await this.#retaken(lease))
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
