import { type RedisServer, startRedis } from '@tidemark/testkit'
import { openReader, type TidemarkReader } from 'tidemark'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serverEvents } from '../src/driver/sse-client.ts'
import { createReaderApp } from '../src/instance/reader-app.ts'
import { type Api, BERLIN, startApi } from './support/api.ts'

const DEADLINE = { timeout: 15_000, interval: 20 }

let redis: RedisServer
let api: Api
let store: TidemarkReader
let url: string
let end: () => Promise<void>
beforeAll(async () => {
  redis = await startRedis()
  api = await startApi({ url: redis.url })
  store = await openReader({ redis: redis.url })
  const app = createReaderApp({ store, onError: (error) => api.faults.push(error) })
  url = await app.listen({ host: '127.0.0.1', port: 0 })
  end = () => app.close()
})
afterAll(async () => {
  await end()
  await store.close()
  await api.close()
  await redis.close()
})

async function json(path: string, init?: RequestInit): Promise<{ status: number; body: Record<string, never> }> {
  const response = await fetch(`${url}${path}`, init)
  return { status: response.status, body: (await response.json()) as Record<string, never> }
}

describe('an instance without the file', () => {
  it('serves what others write, and says how far it has followed', async () => {
    await api.send('PUT', '/places/1', BERLIN)
    await expect.poll(() => json('/places/1'), DEADLINE).toMatchObject({ status: 200, body: { id: 1, ...BERLIN } })
    const head = await api.store.head()
    expect((await json('/healthz')).body).toEqual({ status: 'ok', position: head })
    expect((await json('/stats')).body).toMatchObject({ position: head })
    await api.send('DELETE', '/places/1')
    await expect.poll(async () => (await json('/places/1')).status, DEADLINE).toBe(404)
  })

  it('does not call absent what Redis does not hold', async () => {
    await api.send('PUT', '/places/4', BERLIN)
    await api.send('PUT', '/places/5', BERLIN)
    await api.send('DELETE', '/places/5')
    const head = await api.store.head()
    await expect.poll(() => store.position, DEADLINE).toBe(head)
    expect((await json('/places/4')).status).toBe(200)
    expect((await json('/places/5')).status).toBe(404)
    expect(await json('/places/6')).toMatchObject({ status: 503, body: { error: { code: 'NOT_HELD' } } })
  })

  it('tells of changes under the tokens of any other', async () => {
    const stop = new AbortController()
    const told: string[] = []
    let isFirst = true
    for await (const { event, id } of serverEvents(url, undefined, stop.signal)) {
      told.push(event)
      if (isFirst) await api.send('PUT', '/places/2', BERLIN)
      isFirst = false
      if (told.length < 3) continue
      for await (const resumed of serverEvents(api.url, id, stop.signal)) {
        expect([resumed.event, resumed.id]).toEqual(['bookmark', id])
        break
      }
      break
    }
    stop.abort()
    expect(told).toEqual(['bookmark', 'set', 'set'])
  })

  it('refuses what it cannot do', async () => {
    const headers = { 'content-type': 'application/json' }
    const { status, body } = await json('/places/3', { method: 'PUT', headers, body: JSON.stringify(BERLIN) })
    expect([status, body]).toMatchObject([405, { error: { code: 'METHOD_NOT_ALLOWED', allowed: ['GET', 'HEAD'] } }])
    expect((await json('/places')).status).toBe(404)
    expect((await json('/places/3/explain')).status).toBe(404)
    expect(api.faults).toEqual([])
  })
})
