import { assertKnown, wholeAtLeast, wholeBetween } from '@tidemark/core'
import type { RedisOptions } from 'ioredis'
import type { ConnectionOptions } from 'node:tls'

/** Where the server is and how to get in. */
export interface RedisConnection {
  /** @default '127.0.0.1' */
  readonly host?: string
  /** @default 6379 */
  readonly port?: number
  readonly username?: string
  readonly password?: string
  /** @default 0 */
  readonly db?: number
  /** `true`: TLS with the system's certificate authorities. */
  readonly tls?: boolean | ConnectionOptions
}

const FIELDS: readonly string[] = ['host', 'port', 'username', 'password', 'db', 'tls']

/**
 * Reads `redis://` and `rediss://` (TLS) URLs: `redis://user:password@host:6379/0`.
 * @throws TypeError, never with the password in it.
 */
export function connectionOfUrl(url: string): RedisConnection {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || (parsed.protocol !== 'redis:' && parsed.protocol !== 'rediss:')) {
    throw new TypeError('url must look like redis://user:password@host:6379/0, or rediss:// for TLS')
  }
  // Other clients take settings from here, and some of those would undo what the protocol relies on.
  if (parsed.search !== '') throw new TypeError('url must not have a query; settings are options of their own')
  const db = parsed.pathname.slice(1)
  if (!/^\d*$/.test(db))
    throw new TypeError(`url names the database "${db}"; allowed: a number, as in redis://host:6379/0`)
  return {
    host: parsed.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: parsed.port === '' ? 6379 : Number(parsed.port),
    ...(parsed.username !== '' && { username: unescaped('username', parsed.username) }),
    ...(parsed.password !== '' && { password: unescaped('password', parsed.password) }),
    db: Number(db),
    tls: parsed.protocol === 'rediss:',
  }
}

function unescaped(part: string, text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Without the cause: it may quote the text.
    throw new TypeError(`the ${part} in the url has a "%" that escapes nothing; a "%" itself is written as %25`)
  }
}

/** @throws TypeError or RangeError, naming the field. */
export function checkConnection(connection: RedisConnection): void {
  assertKnown(connection, FIELDS, 'connection')
  const { port, db, username, password } = connection
  if (port !== undefined) wholeBetween('option connection.port', port, 1, 65_535)
  if (db !== undefined) wholeAtLeast('option connection.db', db, 0)
  if (username !== undefined && password === undefined) throw new TypeError('connection.username needs a password too')
}

/** How the server is called in messages: never with credentials. */
export function addressOf(connection: RedisConnection): string {
  return `${connection.host ?? '127.0.0.1'}:${connection.port ?? 6379}`
}

export interface ClientTimes {
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
  /** Shown by CLIENT LIST. */
  readonly connectionName: string
}

/**
 * The client settings that the protocol relies on. One client lives for one connection: `retryStrategy: null` leaves
 * reconnecting to `Connection`, so that no command can reach the server on another connection than the one that its
 * sender knew (row 12 of docs/races.md).
 */
export function clientOptions(
  connection: RedisConnection,
  times: ClientTimes,
): RedisOptions & { replyMapping: 'legacy' } {
  const { tls } = connection
  return {
    host: connection.host ?? '127.0.0.1',
    port: connection.port ?? 6379,
    db: connection.db ?? 0,
    ...(connection.username !== undefined && { username: connection.username }),
    ...(connection.password !== undefined && { password: connection.password }),
    ...(tls !== undefined && tls !== false && { tls: tls === true ? {} : tls }),
    // RESP3, so that a connection that has subscribed still takes commands.
    protocol: 3,
    replyMapping: 'legacy',
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: null,
    // 1: reconnect, and reject the command. 2 would send it again.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 1 : false),
    // The first read of meta is the ready check: one command, bounded like any other.
    enableReadyCheck: false,
    disableClientInfo: true,
    connectionName: times.connectionName,
    connectTimeout: times.connectTimeoutMs,
    // Bounds the handshake; `Connection` ends it there. The deadline of each call is `Link`'s, which tells a late server
    // from a busy event loop; this one would fire before a reply that waits in the socket is read.
    commandTimeout: Math.max(times.connectTimeoutMs, times.commandTimeoutMs * 2),
    disconnectTimeout: 10,
  }
}
