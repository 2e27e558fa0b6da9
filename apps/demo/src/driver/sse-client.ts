import { Client } from 'undici'

export interface ServerEvent {
  readonly id: string
  readonly event: string
  readonly data: string
}

/** The server-sent events of one connection. Ends when the connection does. @throws Error for an answer that is not 200. */
export async function* serverEvents(
  url: string,
  lastEventId: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent, undefined> {
  // A connection of its own, without a bound on how long the stream may be quiet.
  const client = new Client(url, { bodyTimeout: 0 })
  try {
    const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
    const { statusCode, body } = await client.request({ method: 'GET', path: '/changes', headers, signal })
    if (statusCode !== 200) throw new Error(`GET /changes answered ${statusCode}: ${await body.text()}`)
    body.setEncoding('utf8')
    let rest = ''
    for await (const chunk of body as AsyncIterable<string>) {
      const blocks = (rest + chunk).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) if (!block.startsWith(':')) yield parse(block)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    await client.destroy()
  }
}

function parse(block: string): ServerEvent {
  const fields = block.split('\n').map((line): [string, string] => {
    const colon = line.indexOf(': ')
    return [line.slice(0, colon), line.slice(colon + 2)]
  })
  const { id = '', event = 'message', data = '' } = Object.fromEntries(fields) as Partial<ServerEvent>
  return { id, event, data }
}
