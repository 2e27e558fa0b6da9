import { once } from 'node:events'
import { METHODS } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api, BERLIN, startApi } from './support/api.ts'
import { exchange } from './support/raw-http.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

function put(body: Buffer, headers: readonly string[] = ['content-type: application/json']): Buffer {
  const head = ['PUT /places/1 HTTP/1.1', 'host: a', 'connection: close', `content-length: ${body.length}`, ...headers]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body])
}

describe('a body', () => {
  const json = JSON.stringify({ ...BERLIN, name: 'Zürich' })

  it('that is no UTF-8 is refused, and nothing is stored in its place', async () => {
    const head = await api.store.head()
    const answer = await exchange(api.url, put(Buffer.from(json, 'latin1')))
    expect(answer).toMatchObject({ status: 400, error: { code: 'INVALID_UTF8' } })
    expect(await api.store.head()).toBe(head)
  })

  it.each([
    ['a byte order mark', `\uFEFF${json}`, 'application/json'],
    ['its charset spelled out', json, 'application/json; Charset="UTF-8"'],
  ])('may come with %s', async (_what, text, type) => {
    const { status } = await exchange(api.url, put(Buffer.from(text), [`content-type: ${type}`]))
    expect([200, 201]).toContain(status)
    expect((await api.send('GET', '/places/1')).body.name).toBe('Zürich')
  })

  it('that is empty is none: DELETE may carry the type of it', async () => {
    await api.send('PUT', '/places/2', BERLIN)
    const headers = { 'content-type': 'application/json' }
    expect((await api.send('DELETE', '/places/2', undefined, headers)).status).toBe(200)
  })
})

describe('what is no request', () => {
  it.each([
    ['no HTTP at all', 'hello\r\n\r\n', 400, 'MALFORMED_REQUEST'],
    ['a header without a name', 'GET / HTTP/1.1\r\nhost: a\r\n: b\r\n\r\n', 400, 'MALFORMED_REQUEST'],
    ['headers without end', `GET / HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
    ['no host', 'GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n', 400, 'INVALID_HEADER'],
  ])('%s is answered in the form of every error', async (_what, bytes, status, code) => {
    expect(await exchange(api.url, bytes)).toMatchObject({ status, error: { code } })
    expect(api.faults).toEqual([])
  })
})

it('a connection that was in order may turn out to be malformed', async () => {
  const bytes = 'GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n'
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
  socket.write(bytes)
  await once(socket, 'data')
  socket.write('hello\r\n\r\n')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString()).toMatch(/^HTTP\/1.1 400 [^]*"MALFORMED_REQUEST"/)
  socket.destroy()
})

describe('a method that is not served', () => {
  const served = ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE']
  // CONNECT has no path.
  it.each(METHODS.filter((method) => ![...served, 'CONNECT'].includes(method)))('%s is 405', async (method) => {
    const answer = await exchange(api.url, `${method} /places/1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`)
    expect(answer).toMatchObject({ status: 405, error: { code: 'METHOD_NOT_ALLOWED' } })
    expect(answer.head).toMatch(/^allow: GET, HEAD, PUT, PATCH, DELETE$/m)
  })
})
