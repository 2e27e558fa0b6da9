import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RedisServer, startRedisServer } from './redis-server.ts'
import type { WorkerLink } from './worker-link.ts'

/** What a run puts on the machine, and takes away again; after a SIGKILL, its files are left. */
export class Workplace {
  /** For files of the run. */
  readonly folder: string
  readonly #databases: number
  readonly #workers = new Set<WorkerLink>()
  #redis: RedisServer | undefined

  /** `databases`: how many Redis databases one case needs at most. */
  constructor(parent: string | undefined, databases: number) {
    this.folder = mkdtempSync(join(parent ?? tmpdir(), 'tidemark-bench-'))
    this.#databases = databases
    process.once('exit', () => this.#clear())
    for (const [signal, number] of [['SIGINT', 2] as const, ['SIGTERM', 15] as const]) {
      process.once(signal, () => process.exit(128 + number))
    }
  }

  get redisVersion(): string | undefined {
    return this.#redis?.version
  }

  /** The run's private Redis, empty. */
  async emptyRedis(): Promise<RedisServer> {
    this.#redis ??= await startRedisServer(this.#databases)
    await this.#redis.flush()
    return this.#redis
  }

  employ(worker: WorkerLink): void {
    this.#workers.add(worker)
  }

  /** Between two cases: nobody works any more, and their files make room. */
  dismiss(folder: string): void {
    for (const worker of this.#workers) worker.kill()
    this.#workers.clear()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  }

  #clear(): void {
    this.dismiss(this.folder)
  }

  /** Ends what would keep the process alive. */
  async close(): Promise<void> {
    await this.#redis?.close()
  }
}
