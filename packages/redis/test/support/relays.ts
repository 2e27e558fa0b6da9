import { createMemoryBack, type Log, type LogChange, type MemoryBack, type MemoryBackOptions } from '@tidemark/core'
import { codec, type RedisServer } from '@tidemark/testkit'
import { expect, onTestFinished } from 'vitest'
import {
  createRedisRelay,
  openRedisStreamLog,
  type RedisRelay,
  type RedisRelayOptions,
  type RedisStreamLog,
  type RedisStreamLogOptions,
} from '../../src/index.ts'
import { PATIENT_MS } from './fronts.ts'

export function openBack(options: MemoryBackOptions = {}): MemoryBack {
  const opened = createMemoryBack({ codec, ...options })
  onTestFinished(() => opened.close())
  return opened
}

/** A relay that closes with the test, and has had nothing to report by then. */
export function openRelay(server: RedisServer, log: Log, options: Partial<RedisRelayOptions> = {}): RedisRelay {
  const errors: unknown[] = []
  const relay = createRedisRelay({
    url: server.url,
    log,
    commandTimeoutMs: PATIENT_MS,
    onError: (error) => errors.push(error),
    ...options,
  })
  onTestFinished(async () => {
    await relay.close()
    expect(errors).toEqual([])
  })
  return relay
}

export async function openStreamLog(
  server: RedisServer,
  options: Partial<RedisStreamLogOptions> = {},
): Promise<RedisStreamLog> {
  const log = await openRedisStreamLog({ url: server.url, codec, commandTimeoutMs: PATIENT_MS, ...options })
  onTestFinished(() => log.close())
  return log
}

/** Everything in the log behind `after`, as it is shown to subscribers. */
export async function allOf(log: Log, after: number, to: number): Promise<LogChange[]> {
  const all: LogChange[] = []
  const { signal } = new AbortController()
  while (after + all.length < to) {
    const position = after + all.length
    const { changes } = await log.read({ after: position, limit: 7 })
    if (changes.length === 0) await log.wait(position, signal)
    all.push(...changes)
  }
  return all
}

/** As plain data: payloads are compared by what they hold. */
export function plain(changes: readonly LogChange[]): unknown[] {
  return changes.map(({ key, payload, meta, ...rest }) => ({
    ...rest,
    key: key.id,
    value: payload?.read(),
    meta: meta?.read(),
  }))
}

/** The same log, but for what is given. */
export function logWith(log: Log, other: Partial<Log>): Log {
  return new Proxy(log, {
    get: (target, name) => (name in other ? Reflect.get(other, name) : bound(target, Reflect.get(target, name))),
  })
}

function bound(target: object, value: unknown): unknown {
  return typeof value === 'function' ? (value.bind(target) as unknown) : value
}
