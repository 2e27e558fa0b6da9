import { Connection } from './connection.ts'
import { afterTurn } from '@tidemark/core'
import { keyspaceOf } from './keyspace.ts'
import type { Link } from './link.ts'
import { Listeners } from './listeners.ts'
import { type RedisClientOptions, resolveClientOptions } from './options.ts'

export type RedisNudgeOptions = RedisClientOptions

/** Says that a log has grown. A hint: it may be lost, repeated or late, and whoever hears it reads the log. */
export interface NudgeMessage {
  /** Which log. */
  readonly log: string
  readonly epoch: number
  /** The seq that it has reached at least. */
  readonly head: number
}

/** Tells the other processes of a log that it has grown, and hears it from them. */
export interface Nudge {
  /**
   * Sends the first message of a log and turn of the event loop before it returns, and what is published of the log in the
   * rest of the turn as one message at its end. Never throws, and never tells whether it arrived.
   */
  publish(message: NudgeMessage): void
  /** Own messages come back too. What a listener throws is thrown away. @returns stops listening */
  onNudge(listener: (message: NudgeMessage) => void): () => void
  /** Whether messages of others arrive, as far as is known. It may take some seconds to notice that they no longer do. */
  readonly active: boolean
  close(): Promise<void>
}

/**
 * How often a subscription is asked whether it is still alive. Rarely: whoever is not nudged reads the log every few
 * milliseconds anyway, so that a dead subscription costs a poll's delay and nothing else, while each question costs
 * every process and the server a command.
 */
const PING_EVERY_MS = 5_000

/**
 * A nudge over Redis publish/subscribe, on a connection of its own, which is made again for as long as it takes.
 * @throws TypeError or RangeError for a wrong option.
 */
export function createRedisNudge(options: RedisNudgeOptions): Nudge {
  const resolved = resolveClientOptions(options)
  const { channel } = keyspaceOf(resolved.namespace)
  const listeners = new Listeners<NudgeMessage>()
  /** Of the logs that have had their message in this turn: what is still to be said, if anything. */
  const told = new Map<string, NudgeMessage | undefined>()
  let subscribed: Link | undefined

  const connection = new Connection({
    ...resolved,
    connectionName: 'tidemark-nudge',
    probeIntervalMs: PING_EVERY_MS,
    probesWhileUp: true,
    // With RESP3 a subscribed connection still takes commands, PUBLISH among them.
    async probe(link, timeoutMs) {
      if (link === subscribed) return void (await link.probe('PING', [], timeoutMs))
      link.client.on('message', (_channel: string, text: string) => {
        const message = parse(text)
        if (message !== undefined) listeners.emit(message)
      })
      await link.probe('SUBSCRIBE', [channel], timeoutMs)
      subscribed = link
    },
    onLink: () => (subscribed = undefined),
    onState: () => {},
  })

  function send(message: NudgeMessage): void {
    if (connection.state !== 'up') return
    // A lost hint costs a poll's delay; nobody waits for it.
    connection
      .use()
      .call('PUBLISH', [channel, JSON.stringify(message)])
      .catch(() => {})
  }

  function endTurn(): void {
    const rest = [...told.values()]
    told.clear()
    for (const message of rest) if (message !== undefined) send(message)
  }

  return {
    publish({ log, epoch, head }) {
      const id = `${epoch} ${log}`
      const message = { log, epoch, head }
      if (told.has(id)) {
        if (head > (told.get(id)?.head ?? -1)) told.set(id, message)
        return
      }
      if (told.size === 0) afterTurn(endTurn)
      told.set(id, undefined)
      // At once: who publishes has just committed, and the rest of the turn may take longer than all of the way there.
      send(message)
    },
    onNudge: (listener) => listeners.add(listener),
    get active() {
      return connection.state === 'up'
    },
    close: () => connection.close(),
  }
}

function parse(text: string): NudgeMessage | undefined {
  try {
    const { log, epoch, head } = JSON.parse(text) as Partial<NudgeMessage>
    if (typeof log !== 'string' || typeof epoch !== 'number' || typeof head !== 'number') return undefined
    return { log, epoch, head }
  } catch {
    return undefined
  }
}
