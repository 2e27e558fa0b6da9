import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import type { WorkerStats } from '../worker/worker.ts'
import { WORKER } from '../instance/name.ts'
import type { Victim } from './killer.ts'

/** Leases of a worker that was killed have to end, and what it missed is to be caught up. */
const SETTLED_WITHIN_MS = 60_000
const LOOK_EVERY_MS = 50

export interface SettleOptions {
  /** Nobody waits any more. */
  readonly signal?: AbortSignal
  readonly onLook?: (stats: WorkerStats) => void
}

/** The worker, as the fleet sees it from outside. */
export class WorkerWatch implements Victim {
  readonly instance: number = WORKER
  #url: string
  #isUp = true
  #stats: WorkerStats | undefined
  /** Lines of those that were killed. */
  #linesBefore = 0

  constructor(url: string) {
    this.#url = url
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** What it said last. */
  get stats(): WorkerStats | undefined {
    return this.#stats
  }

  /** Of the audit, as far as was told. */
  get lines(): number {
    return this.#linesBefore + (this.#stats?.audit.processed ?? 0)
  }

  left(): void {
    this.#isUp = false
  }

  async cameBack(url: string): Promise<void> {
    this.#url = url
    this.#isUp = true
  }

  async look(): Promise<void> {
    if (!this.#isUp) return
    try {
      const { statusCode, body } = await request(`${this.#url}/stats`, { headersTimeout: 2_000 })
      const stats = await body.json()
      if (statusCode === 200) this.#heard(stats as WorkerStats)
    } catch {
      // It is stopping or gone, which the fleet hears of directly.
    }
  }

  /** Resolves when it has dealt with everything up to `head`, or when that takes too long: what is missing, the checks find. */
  async settled(head: number, { signal, onLook }: SettleOptions = {}): Promise<void> {
    const deadline = performance.now() + SETTLED_WITHIN_MS
    const isSettled = (): boolean => {
      const { audit, replica } = this.#stats ?? {}
      return audit?.lag === 0 && replica?.phase === 'following' && replica.position >= head
    }
    for (;;) {
      await this.look()
      if (this.#stats !== undefined) onLook?.(this.#stats)
      if (isSettled() || performance.now() > deadline || signal?.aborted === true) return
      await sleep(LOOK_EVERY_MS)
    }
  }

  #heard(stats: WorkerStats): void {
    if (this.#stats !== undefined && this.#stats.pid !== stats.pid) this.#linesBefore = this.lines
    this.#stats = stats
  }
}
