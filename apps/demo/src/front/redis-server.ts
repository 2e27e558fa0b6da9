import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, constants } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'
import { answers } from './ping.ts'

/** A Redis of our own. */
export interface RedisServer {
  readonly url: string
  /** What it calls itself, as in `Redis 7.0.15`. */
  readonly title: string
  readonly pid: number
  /** Resolves when its process is gone. Idempotent. */
  stop(): Promise<void>
}

const NAMES = ['redis-server', 'valkey-server']
const READY_WITHIN_MS = 5_000
const STOP_WITHIN_MS = 3_000

// The shell keeps watch: its standard input ends when we do, however we end, and then it takes the server with it.
const GUARD = '"$0" "$@" & server=$!; read _; kill $server 2>/dev/null; wait $server'

/** The path of a Redis or Valkey server on PATH; undefined: there is none. Installs nothing. */
export async function findRedisServer(): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of NAMES) {
      const path = join(folder, name)
      if (
        await access(path, constants.X_OK).then(
          () => true,
          () => false,
        )
      )
        return path
    }
  }
  return undefined
}

/** Starts a private server on a free port of 127.0.0.1, in memory only. @throws Error when it does not come up. */
export async function startRedisServer(path: string): Promise<RedisServer> {
  const port = await freePort()
  // A session of its own, so that Ctrl-C in the terminal reaches only us, and everything is stopped in order.
  const guard = spawn('sh', ['-c', GUARD, path, ...settings(port)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  const stop = stopper(guard)
  const deadline = performance.now() + READY_WITHIN_MS
  while (!(await answers('127.0.0.1', port, 500, 'PING\r\n'))) {
    if (guard.exitCode !== null || performance.now() > deadline) {
      await stop()
      throw new Error(`${path} did not come up on port ${port}; run it by hand to see why, or use --no-redis`)
    }
    await sleep(20)
  }
  return { url: `redis://127.0.0.1:${port}`, title: await titleOf(path), pid: guard.pid!, stop }
}

function settings(port: number): readonly string[] {
  const values = {
    port: String(port),
    bind: '127.0.0.1',
    save: '',
    appendonly: 'no',
    dir: tmpdir(),
    loglevel: 'warning',
    maxmemory: '512mb',
    // Only what expires may be evicted: records do, the marks that fence them do not.
    'maxmemory-policy': 'volatile-lru',
  }
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, value])
}

function stopper(guard: ChildProcess): () => Promise<void> {
  const gone = once(guard, 'exit').then(() => undefined)
  let stopping: Promise<void> | undefined
  return () => (stopping ??= stop())

  async function stop(): Promise<void> {
    guard.stdin?.end()
    const kill = setTimeout(() => killGroup(guard.pid), STOP_WITHIN_MS)
    await gone
    clearTimeout(kill)
  }
}

/** The guard leads a group in which there are only itself and the server. */
function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended in this very moment.
  }
}

async function titleOf(path: string): Promise<string> {
  const { stdout } = await promisify(execFile)(path, ['--version'])
  const [, kind = 'Redis', version = ''] = /^(\w+) server v=(\S+)/.exec(stdout) ?? []
  return `${kind} ${version}`.trim()
}
