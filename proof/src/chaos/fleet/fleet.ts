import { join } from 'node:path'
import { TcpProxy } from '../servers/tcp-proxy.ts'
import type { WorkerConfig } from '../worker/protocol.ts'
import type { Sabotage } from '../worker/sabotage/sabotage.ts'
import { within } from '../run/deadline.ts'
import { WorkerProcess } from './worker-process.ts'

const START_WITHIN_MS = 20_000

export interface FleetOptions extends Pick<WorkerConfig, 'seed' | 'file' | 'keys' | 'ack'> {
  readonly workers: number
  /** Where the histories go. */
  readonly folder: string
  readonly sabotage: Sabotage | undefined
  /** Where the workers' Redis is. */
  readonly target: () => number
  /** A worker ended without having been told to. */
  readonly onCrash: (how: string) => void
}

/** A worker and its own way to Redis. When the worker is killed, another one takes its place. */
export class Seat {
  readonly index: number
  readonly proxy: TcpProxy
  readonly #options: FleetOptions
  #lives = 0
  #worker: WorkerProcess
  #opsBefore = 0

  constructor(index: number, proxy: TcpProxy, options: FleetOptions) {
    this.index = index
    this.proxy = proxy
    this.#options = options
    this.#worker = this.#start()
  }

  get worker(): WorkerProcess {
    return this.#worker
  }

  /** Half of them: near memory proves every read against the log, and would hide what stands in Redis. */
  get hasNear(): boolean {
    return this.index % 2 === 1
  }

  /** Calls that returned, of all lives. */
  get ops(): number {
    return this.#opsBefore + this.#worker.ops
  }

  /** kill -9; resolves when the next one calls its store, or has crashed. */
  async replace(): Promise<void> {
    await this.#worker.kill()
    this.#opsBefore += this.#worker.ops
    this.#worker = this.#start()
    const { session, ready } = this.#worker
    // A crash is reported by itself.
    await within(
      START_WITHIN_MS,
      `the start of ${session}`,
      Promise.race([ready, this.#worker.ended]).catch(() => undefined),
    )
  }

  #start(): WorkerProcess {
    const { seed, file, keys, ack, folder, sabotage, onCrash } = this.#options
    const life = ++this.#lives
    const session = `w${this.index}.${life}`
    const config: WorkerConfig = {
      session,
      seed: seed + this.index * 1_000_003 + life * 10_007,
      file,
      redisUrl: `redis://127.0.0.1:${this.proxy.port}/0`,
      history: join(folder, `${session}.jsonl`),
      keys,
      near: this.hasNear,
      ack,
    }
    const worker = new WorkerProcess(config, sabotage)
    void worker.ended.then((how) => how !== undefined && onCrash(how))
    return worker
  }
}

export class Fleet {
  readonly seats: readonly Seat[]

  private constructor(seats: readonly Seat[]) {
    this.seats = seats
  }

  static async start(options: FleetOptions): Promise<Fleet> {
    const proxies = await Promise.all(Array.from({ length: options.workers }, () => TcpProxy.start(options.target)))
    const fleet = new Fleet(proxies.map((proxy, i) => new Seat(i, proxy, options)))
    try {
      await within(
        START_WITHIN_MS,
        'the start of the workers',
        Promise.all(fleet.seats.map(({ worker }) => worker.ready)),
      )
      return fleet
    } catch (error) {
      await fleet.kill()
      throw error
    }
  }

  get ops(): number {
    return this.seats.reduce((sum, { ops }) => sum + ops, 0)
  }

  async stop(): Promise<void> {
    await Promise.all(this.seats.map(({ worker }) => worker.stop()))
    this.#closeProxies()
  }

  async kill(): Promise<void> {
    await Promise.all(this.seats.map(({ worker }) => worker.kill()))
    this.#closeProxies()
  }

  #closeProxies(): void {
    for (const { proxy } of this.seats) proxy.close()
  }
}
