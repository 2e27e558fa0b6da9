import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serverEvents, type ServerEvent } from '../src/driver/sse-client.ts'
import { SseWriter } from '../src/instance/sse.ts'
import { type Api, BERLIN, startApi } from './support/api.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

/** Takes events until there are `count`, then hangs up. */
async function take(count: number, lastEventId?: string, onFirst?: () => unknown): Promise<ServerEvent[]> {
  const stop = new AbortController()
  const events: ServerEvent[] = []
  for await (const event of serverEvents(api.url, lastEventId, stop.signal)) {
    events.push(event)
    if (events.length === 1) await onFirst?.()
    if (events.length === count) break
  }
  stop.abort()
  return events
}

const seqOf = (event: ServerEvent | undefined): number => JSON.parse(event!.data).seq

describe('the change stream over HTTP', () => {
  it('begins with a bookmark, then tells every change with its op, value and token', async () => {
    const head = await api.store.head()
    const [bookmark, ...events] = await take(3, undefined, () => api.send('PUT', '/places/1', BERLIN))
    expect(bookmark!.event).toBe('bookmark')
    expect(JSON.parse(bookmark!.data)).toEqual({ seq: head, head })
    expect(events.map(({ event }) => event)).toEqual(['set', 'set'])
    expect(JSON.parse(events[1]!.data)).toMatchObject({
      seq: head + 2,
      key: ['place', 1],
      value: BERLIN,
      prevVersion: 0,
    })
  })

  it('resumes after any event, also in the middle of a commit, without gap or repetition', async () => {
    const [start] = await take(1)
    for (const country of ['DE', 'FR', 'CH']) await api.send('PUT', '/places/2', { ...BERLIN, country })
    await api.send('DELETE', '/places/2')
    const first = seqOf(start) + 1
    const all = await take(11, start!.id)
    expect(all.slice(1).map(seqOf)).toEqual(Array.from({ length: 10 }, (_, i) => first + i))
    expect(all.at(-1)!.event).toBe('delete')
    for (const [i, { id }] of all.slice(1, -1).entries()) expect(seqOf((await take(2, id))[1])).toBe(first + i + 1)
  })

  it('takes the token as a parameter too, and the beginning', async () => {
    const [start] = await take(1)
    await api.send('PUT', '/places/3', BERLIN)
    const read = async (query: string): Promise<string> => {
      const stop = new AbortController()
      const response = await fetch(`${api.url}/changes?${query}`, { signal: stop.signal })
      let text = ''
      for await (const chunk of response.body!) {
        text += Buffer.from(chunk).toString()
        if (text.includes('"place",3]')) break
      }
      stop.abort()
      return text
    }
    expect(await read(`after=${start!.id}`)).toContain('event: set')
    expect(await read('from=start')).toContain('"seq":1,')
  })

  it.each([
    ['nonsense', 400, 'TOKEN_INVALID'],
    ['', 400, 'TOKEN_INVALID'],
  ])('refuses the token %j before it promises a stream', async (token, status, code) => {
    const answer = await api.send('GET', '/changes', undefined, { 'last-event-id': token })
    expect([answer.status, answer.body.error.code]).toEqual([status, code])
    expect(answer.body.error.message).toMatch(/token/)
  })

  it('refuses a token of another log', async () => {
    const other = await startApi()
    const [start] = await take(1)
    const answer = await other.send('GET', '/changes', undefined, { 'last-event-id': start!.id })
    await other.close()
    expect([answer.status, answer.body.error.code]).toEqual([409, 'TOKEN_FOREIGN'])
  })

  it('ends when the instance stops', async () => {
    const other = await startApi()
    const response = await fetch(`${other.url}/changes`)
    const text = response.text().catch(() => 'cut off')
    await other.close()
    await text
  })
})

describe('a slow client', () => {
  it('holds back whoever writes to it, and lets go when it is gone', async () => {
    const socket = new Socket()
    const response = new ServerResponse(new IncomingMessage(socket))
    const gone = new AbortController()
    const writer = new SseWriter(response, gone.signal)
    const large = [{ id: 'a', event: 'set', data: 'x'.repeat(response.writableHighWaterMark) }]
    let isDone = false
    const writing = writer.write(large).then(() => (isDone = true))
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
    expect(isDone).toBe(false)
    response.emit('drain')
    await writing
    const second = writer.write(large)
    gone.abort()
    await second
    await writer.write(large)
    expect(response.writableLength).toBeLessThan(3 * large[0]!.data.length)
    writer.end()
  })
})
