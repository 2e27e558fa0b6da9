import { TidemarkError } from '@tidemark/core'

/** What to do about an error reply, by the code that it starts with. */
const ADVICE: Readonly<Record<string, string>> = {
  LOADING: 'it is still loading its data set; it is used again as soon as that is done',
  READONLY: 'it is a replica; point the url at the primary (the connection is made anew, in case it moved)',
  MASTERDOWN: 'it is a replica that has lost its primary; point the url at the primary',
  OOM: 'its memory is full; raise maxmemory, or set maxmemory-policy to volatile-lru',
  NOAUTH: 'it asks for a password; put one in the url or in connection.password',
  WRONGPASS: 'it refuses the user name or password; correct the url or the connection option',
  NOPERM:
    'the user lacks a permission; allow it INFO, MGET, HMGET, GETRANGE, SCAN, MULTI, EXEC, EVAL, EVALSHA, PUBLISH, SUBSCRIBE, XREAD, XRANGE and XREVRANGE, and the keys of the namespace',
  MOVED: 'it is a cluster, which this front does not speak yet; use a standalone server',
  ASK: 'it is a cluster, which this front does not speak yet; use a standalone server',
  CROSSSLOT: 'it is a cluster, which this front does not speak yet; use a standalone server',
  CLUSTERDOWN: 'it is a cluster that is down',
  TRYAGAIN: 'it is a cluster that is moving slots',
  BUSY: 'a script of somebody else is blocking it; see SCRIPT KILL',
  MISCONF: 'it refuses writes because it cannot save to disk; see its log',
  NOREPLICAS: 'it refuses writes because it has too few replicas; see min-replicas-to-write',
  WRONGTYPE: 'a key of the namespace is of a foreign type; give the front a namespace of its own',
  NOPROTO: 'it is too old; Redis 7 or Valkey is needed',
  EACCES: 'the operating system denies the connection',
  ECONNREFUSED: 'nothing listens there; start it, or correct the url',
  ENOTFOUND: 'its host name is unknown; correct the url',
  EAI_AGAIN: 'its host name cannot be resolved at the moment',
  ETIMEDOUT: 'it does not answer connection requests; check the address and the firewall',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
}

/** A call that failed on the way to the server or in it, as the port promises it. Whether it was executed is unknown. */
export function unavailable(tier: string, address: string, error: unknown): TidemarkError {
  if (error instanceof TidemarkError) return error
  const { code, message } = describe(error)
  const advice = ADVICE[code]
  const reason = advice === undefined ? message : `${advice} (${code})`
  return new TidemarkError('FRONT_UNAVAILABLE', `front "${tier}" cannot use Redis at ${address}: ${reason}`, {
    retryable: true,
    tier,
    cause: withoutArguments(error),
  })
}

export function timedOut(tier: string, address: string, timeoutMs: number): TidemarkError {
  return new TidemarkError(
    'TIMEOUT',
    `front "${tier}" got no answer from Redis at ${address} within ${timeoutMs} ms; whether the call was executed is unknown`,
    { retryable: true, tier },
  )
}

/** The server answers, and is no primary. */
export class DisplacedError extends Error {
  readonly code = 'READONLY'

  constructor(role: string | undefined) {
    super(`its role is ${role ?? 'unknown'}`)
  }
}

export function isDisplaced(error: unknown): boolean {
  return error instanceof DisplacedError
}

/** Whether the server answered, if only to refuse, as opposed to a connection that failed. */
export function isRefusal(error: unknown): boolean {
  return isErrorReply(error) || isDisplaced(error)
}

function isErrorReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError'
}

/** Whether a call failed because the server's memory is full. Then it did nothing. */
export function isOutOfMemory(error: unknown): error is TidemarkError {
  return error instanceof TidemarkError && isErrorReply(error.cause) && describe(error.cause).code === 'OOM'
}

function describe(error: unknown): { readonly code: string; readonly message: string } {
  if (!(error instanceof Error)) return { code: '', message: String(error) }
  const { code } = error as { readonly code?: unknown }
  if (typeof code === 'string') return { code, message: error.message }
  // How the client calls it; in the handshake, where no deadline of ours runs.
  if (error.message === 'Command timed out') return { code: '', message: 'it accepts connections, but does not answer' }
  return { code: /^-?([A-Z]+)\b/.exec(error.message)?.[1] ?? '', message: error.message }
}

/** The client attaches the command with its arguments, among them values and, in the handshake, the password. */
function withoutArguments(error: unknown): unknown {
  if (error instanceof Error) delete (error as { command?: unknown }).command
  return error
}
