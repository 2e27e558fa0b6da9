import { type Change, type ChangeBatch, type ChangesOptions, decodeToken, encodeToken, TidemarkError } from 'tidemark'
import type { FastifyInstance } from 'fastify'
import { invalidParameter, readQuery } from '../query.ts'
import { type SseEvent, SseWriter } from '../sse.ts'

const PARAMETERS = {
  /** For clients that cannot set `Last-Event-ID`, as a browser's EventSource at its first connection. */
  after: (text: string): string => text,
  from(text: string): 'start' | 'now' {
    if (text === 'start' || text === 'now') return text
    throw invalidParameter('from', 'must be start or now')
  },
}

/** Where the changes come from: the durable stream of a store. */
export type ChangeSource = (options: ChangesOptions) => AsyncIterable<ChangeBatch>

/** `GET /changes`: the durable change stream as server-sent events, resumed by `Last-Event-ID`. */
export function changesRoutes(app: FastifyInstance, changes: ChangeSource): void {
  const stop = new AbortController()
  // Streams never end by themselves; without this, closing would wait for them.
  app.addHook('preClose', async () => stop.abort())

  app.get('/changes', { exposeHeadRoute: false }, async (request, reply) => {
    const query = readQuery(request.query, PARAMETERS)
    const header = request.headers['last-event-id']
    const after = typeof header === 'string' ? header : query.after
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    const signal = AbortSignal.any([gone.signal, stop.signal])
    const batches = changes({ after, from: query.from ?? 'now', bookmarks: true, signal })[Symbol.asyncIterator]()
    // Before the stream is promised: a token that leads nowhere fails here, and is answered as any other bad request.
    const first = await batches.next()
    reply.hijack()
    const writer = new SseWriter(reply.raw, signal)
    try {
      for (let next = first; next.done !== true; next = await batches.next()) await writer.write(toEvents(next.value))
    } catch (error) {
      request.log.error(error)
      const code = error instanceof TidemarkError ? error.code : 'INTERNAL'
      await writer.write([{ id: undefined, event: 'error', data: JSON.stringify({ code }) }])
    } finally {
      await batches.return?.()
      writer.end()
    }
  })
}

/** One event per change. A batch without changes is the bookmark at the beginning, which says where the stream starts. */
function toEvents({ changes, token, head }: ChangeBatch): readonly SseEvent[] {
  const position = decodeToken(token)
  if (changes.length === 0) {
    return [{ id: token, event: 'bookmark', data: JSON.stringify({ seq: position.seq, head }) }]
  }
  return changes.map((change) => ({ id: tokenAfter(change), event: change.op, data: JSON.stringify(change) }))

  /** Inside a batch no check is at hand: such a token resumes as exactly, but cannot tell a log that was rewritten. */
  function tokenAfter({ seq }: Change): string {
    return seq === position.seq ? token : encodeToken({ ...position, seq, check: 0 })
  }
}
