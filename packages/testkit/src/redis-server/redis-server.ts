import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { findRedisBinary } from './find-binary.ts'
import { freePort } from './free-port.ts'
import { guard } from './guard.ts'
import { answers } from './ping.ts'

export { guard } from './guard.ts'

export interface RedisServerOptions {
  /** As in redis.conf: `'8mb'`. @default unlimited */
  readonly maxmemory?: string
  /** @default 'noeviction' */
  readonly maxmemoryPolicy?: string
  readonly password?: string
  /** `rdb`: what SAVE was last told to save; `aof`: every write, synced. @default 'none' */
  readonly persistence?: 'none' | 'rdb' | 'aof'
  /** Makes it a replica. */
  readonly replicaOf?: { readonly host: string; readonly port: number }
  /** More configuration, as on the command line: `['--hz', '100']`. */
  readonly args?: readonly string[]
}

/** A private server on a free port of 127.0.0.1, with a temporary folder of its own. It ends with this process at the latest. */
export interface RedisServer extends AsyncDisposable {
  readonly port: number
  readonly url: string
  readonly pid: number
  /** Its working folder, with what it persists. */
  readonly folder: string
  /** SIGKILL: nothing is saved, connections break. Resolves when it is gone. */
  kill(): Promise<void>
  /** SIGSTOP: connections stay, and nothing answers. */
  stop(): void
  /** SIGCONT: goes on where it stopped. */
  cont(): void
  /** Starts it again on the same port, with what it had persisted; ends it first where necessary. */
  restart(): Promise<void>
  /** Ends it and removes its folder. */
  close(): Promise<void>
}

/** @throws Error that says what to install when there is no server on PATH. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const binary = findRedisBinary()
  if (binary === undefined) {
    throw new Error('neither redis-server nor valkey-server is on PATH; install one, e.g. apt-get install redis-server')
  }
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-redis-'))
  for (let attempt = 1; ; attempt++) {
    const server = new PrivateServer(binary, folder, await freePort(), options)
    try {
      await server.start()
      return server
    } catch (error) {
      // Somebody else may have taken the port in between.
      if (attempt < 3) continue
      rmSync(folder, { recursive: true, force: true })
      throw error
    }
  }
}

const START_WITHIN_MS = 10_000
const LOOK_EVERY_MS = 10

class PrivateServer implements RedisServer {
  readonly port: number
  readonly folder: string
  readonly #binary: string
  readonly #options: RedisServerOptions
  #process: ChildProcess | undefined
  #gone: Promise<void> = Promise.resolve()
  readonly #endWithUs = (): void => void this.#process?.kill('SIGKILL')

  constructor(binary: string, folder: string, port: number, options: RedisServerOptions) {
    this.#binary = binary
    this.folder = folder
    this.port = port
    this.#options = options
  }

  get url(): string {
    const { password } = this.#options
    return `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${this.port}/0`
  }

  get pid(): number {
    const pid = this.#process?.pid
    if (pid === undefined) throw new Error('the server is not running')
    return pid
  }

  async start(): Promise<void> {
    const process_ = spawn(this.#binary, this.#arguments(), { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = process_
    let output = ''
    for (const stream of [process_.stdout, process_.stderr]) {
      ;(stream as Socket).unref()
      stream.on('data', (data: Buffer) => (output = (output + data.toString()).slice(-4_000)))
    }
    let ended = false
    const unguard = process_.pid === undefined ? undefined : guard(process_.pid)
    this.#gone = new Promise((resolve) => {
      const end = (): void => {
        ended = true
        unguard?.()
        process.removeListener('exit', this.#endWithUs)
        resolve()
      }
      process_.once('exit', end)
      process_.once('error', end)
    })
    process.once('exit', this.#endWithUs)
    // What is left is for `close()` to end; a test that forgets it shall still be able to finish.
    process_.unref()
    const deadline = performance.now() + START_WITHIN_MS
    while (!(await answers(this.port, 1_000))) {
      if (ended || performance.now() > deadline) {
        await this.kill()
        throw new Error(`${this.#binary} did not start:\n${output}`)
      }
      await delay(LOOK_EVERY_MS)
    }
    if (ended) throw new Error(`another server answers on port ${this.port}:\n${output}`)
  }

  async kill(): Promise<void> {
    this.#process?.ref()
    this.#process?.kill('SIGKILL')
    await this.#gone
  }

  stop(): void {
    process.kill(this.pid, 'SIGSTOP')
  }

  cont(): void {
    process.kill(this.pid, 'SIGCONT')
  }

  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  async close(): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #arguments(): string[] {
    const {
      maxmemory,
      maxmemoryPolicy = 'noeviction',
      password,
      persistence = 'none',
      replicaOf,
      args = [],
    } = this.#options
    const settings: Record<string, string | undefined> = {
      port: String(this.port),
      bind: '127.0.0.1',
      dir: this.folder,
      daemonize: 'no',
      // By default a primary waits for seconds in case more replicas come.
      'repl-diskless-sync-delay': '0',
      save: '',
      appendonly: persistence === 'aof' ? 'yes' : 'no',
      appendfsync: persistence === 'aof' ? 'always' : undefined,
      maxmemory,
      'maxmemory-policy': maxmemoryPolicy,
      requirepass: password,
      replicaof: replicaOf && `${replicaOf.host} ${replicaOf.port}`,
    }
    const given = Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]))
    return [...given, ...args]
  }
}
