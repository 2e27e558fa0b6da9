import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api, BERLIN, BERN, startApi } from './support/api.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

const create = async (id: number, place: object = BERLIN): Promise<string> =>
  (await api.send('PUT', `/places/${id}`, place)).headers.get('etag')!

describe('a place over HTTP', () => {
  it('is created by PUT, read by GET, and its ETag is the version that the log gave it', async () => {
    const created = await api.send('PUT', '/places/1', BERLIN)
    expect(created.status).toBe(201)
    expect(created.headers.get('location')).toBe('/places/1')
    expect(created.headers.get('etag')).toBe(`"${await api.store.head()}"`)
    const read = await api.send('GET', '/places/1')
    expect(read.status).toBe(200)
    expect(read.body).toEqual({ id: 1, ...BERLIN })
    expect(read.headers.get('etag')).toBe(created.headers.get('etag'))
  })

  it('can be sent back as it was read', async () => {
    await create(2)
    const { body } = await api.send('GET', '/places/2')
    const replaced = await api.send('PUT', '/places/2', { ...body, population: 7 })
    expect(replaced.status).toBe(200)
    expect(replaced.body).toEqual({ id: 2, ...BERLIN, population: 7 })
  })

  it('answers 304 to whoever has this version already', async () => {
    const etag = await create(3)
    for (const known of [etag, `W/${etag}`, `"1", ${etag}`, '*']) {
      const answer = await api.send('GET', '/places/3', undefined, { 'if-none-match': known })
      expect([known, answer.status, answer.text]).toEqual([known, 304, ''])
      expect(answer.headers.get('etag')).toBe(etag)
    }
    expect((await api.send('GET', '/places/3', undefined, { 'if-none-match': '"1"' })).status).toBe(200)
  })

  it.each(['PUT', 'PATCH', 'DELETE'])(
    '%s under If-Match happens only to the version that was meant',
    async (method) => {
      const old = await create(4)
      const current = await create(4)
      const body = method === 'DELETE' ? undefined : BERLIN
      const refused = await api.send(method, '/places/4', body, { 'if-match': old })
      expect(refused.status).toBe(412)
      expect(refused.headers.get('etag')).toBe(current)
      expect(refused.body.error).toMatchObject({ code: 'PRECONDITION_FAILED', currentVersion: JSON.parse(current) * 1 })
      expect((await api.send(method, '/places/4', body, { 'if-match': `W/${current}` })).status).toBe(412)
      expect((await api.send('GET', '/places/4')).headers.get('etag')).toBe(current)
      expect((await api.send(method, '/places/4', body, { 'if-match': `${old}, ${current}` })).status).toBe(200)
    },
  )

  it('is only created under If-None-Match: *', async () => {
    const star = { 'if-none-match': '*' }
    expect((await api.send('PUT', '/places/5', BERLIN, star)).status).toBe(201)
    expect((await api.send('PUT', '/places/5', BERN, star)).status).toBe(412)
    expect((await api.send('GET', '/places/5')).body.name).toBe('Berlin')
  })

  it('is only replaced under If-Match: *', async () => {
    expect((await api.send('PUT', '/places/6', BERLIN, { 'if-match': '*' })).status).toBe(412)
    await create(6)
    expect((await api.send('PUT', '/places/6', BERN, { 'if-match': '*' })).status).toBe(200)
  })

  it('takes a JSON merge patch, of either type', async () => {
    await create(7, { ...BERLIN, rev: 5 })
    const patched = await api.send('PATCH', '/places/7', { loc: { lat: 1 }, rev: null, id: 7 })
    expect(patched.body).toEqual({ id: 7, ...BERLIN, loc: { ...BERLIN.loc, lat: 1 } })
    const again = await api.send('PATCH', '/places/7', '{"population":1}', {
      'content-type': 'application/merge-patch+json; charset=utf-8',
    })
    expect(again.body.population).toBe(1)
    expect(Number(JSON.parse(again.headers.get('etag')!))).toBeGreaterThan(
      Number(JSON.parse(patched.headers.get('etag')!)),
    )
  })

  it('loses no patch to another one at the same time', async () => {
    await create(8, { ...BERLIN, population: 0 })
    const raise = async (): Promise<void> => {
      for (;;) {
        const { body, headers } = await api.send('GET', '/places/8')
        const patch = { population: body.population + 1 }
        const answer = await api.send('PATCH', '/places/8', patch, { 'if-match': headers.get('etag')! })
        if (answer.status === 200) return
        expect(answer.status).toBe(412)
      }
    }
    await Promise.all(Array.from({ length: 8 }, raise))
    expect((await api.send('GET', '/places/8')).body.population).toBe(8)
  })

  it('is gone after DELETE, which tells the version of that', async () => {
    await create(9)
    const deleted = await api.send('DELETE', '/places/9')
    expect(deleted.body).toEqual({ deleted: 9, version: await api.store.head() })
    expect((await api.send('GET', '/places/9')).status).toBe(404)
    expect((await api.send('DELETE', '/places/9')).status).toBe(404)
  })

  const FOREIGN = [
    '""',
    '"-1"',
    '"0"',
    '"01"',
    '"abc"',
    '"a,b"',
    '"99999999999999999999"',
    '"9999999999999999"',
    '"", "x"',
  ]
  it.each(['GET', 'PUT', 'PATCH', 'DELETE'])('%s under If-Match with a tag of somebody else is 412', async (method) => {
    const etag = await create(10)
    const body = method === 'PUT' || method === 'PATCH' ? BERLIN : undefined
    for (const tag of FOREIGN) {
      for (const id of [10, 404]) {
        const answer = await api.send(method, `/places/${id}`, body, { 'if-match': tag })
        expect([tag, id, answer.status]).toEqual([tag, id, 412])
      }
    }
    expect(api.faults).toEqual([])
    expect((await api.send(method, '/places/10', body, { 'if-match': `"x", ${etag}` })).status).toBe(200)
  })

  it.each(['"1"', '"1", "2"', '*'])(
    'If-Match: %s on a place that is missing is 412, whatever the method',
    async (tag) => {
      for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
        const body = method === 'PUT' || method === 'PATCH' ? { ...BERLIN } : undefined
        const answer = await api.send(method, '/places/404', body, { 'if-match': tag })
        expect([method, answer.status, answer.body.error]).toMatchObject([method, 412, { currentVersion: 0 }])
      }
    },
  )

  it.each(['"1"', '"1", "2"'])('a patch under If-Match: %s is judged only where the version is right', async (tag) => {
    await create(11)
    const answer = await api.send('PATCH', '/places/11', { population: -1 }, { 'if-match': tag })
    expect(answer.status).toBe(412)
  })
})

describe('the listing', () => {
  const ids = async (query: string): Promise<number[]> =>
    (await api.send('GET', `/places?${query}`)).body.places.map((place: { id: number }) => place.id)

  it('follows every edit: what changes its country moves', async () => {
    for (const id of [103, 101, 102]) await create(id, { ...BERLIN, country: 'XA' })
    await create(104, { ...BERLIN, country: 'XB' })
    expect(await ids('country=XA')).toEqual([101, 102, 103])
    await api.send('PATCH', '/places/102', { country: 'XB' })
    await api.send('PUT', '/places/103', { ...BERLIN, country: 'XB' })
    await api.send('DELETE', '/places/104')
    expect(await ids('country=XA')).toEqual([101])
    expect(await ids('country=XB')).toEqual([102, 103])
    expect(await ids('country=XC')).toEqual([])
  })

  it('comes in pages, whatever the country', async () => {
    for (const id of [111, 112, 113]) await create(id, { ...BERLIN, country: 'XD' })
    const first = await api.send('GET', '/places?country=XD&limit=2')
    expect(first.body).toMatchObject({ places: [{ id: 111 }, { id: 112 }], next: 112 })
    const second = await api.send('GET', '/places?country=XD&limit=2&after=112')
    expect(second.body).toMatchObject({ places: [{ id: 113 }], next: null })
    expect(await ids('after=111&limit=2')).toEqual([112, 113])
  })

  it('moves in the commit of the place itself', async () => {
    await create(121, { ...BERLIN, country: 'XE' })
    const before = await api.store.head()
    await api.send('PATCH', '/places/121', { country: 'XF' })
    const keys: unknown[] = []
    for await (const { changes } of api.store.changes({ from: 'start' })) {
      for (const change of changes) {
        if (change.seq > before) keys.push([change.op, change.key, change.txn.last - change.txn.first])
      }
      if (changes.at(-1)!.seq >= before + 3) break
    }
    expect(keys).toEqual([
      ['delete', ['country', 'XE', 121], 2],
      ['set', ['country', 'XF', 121], 2],
      ['set', ['place', 121], 2],
    ])
  })
})

describe('what is not as it should be', () => {
  const huge = { ...BERLIN, name: 'x'.repeat(70_000) }
  const text = { 'content-type': 'text/plain' }
  const latin = { 'content-type': 'application/json; charset=ISO-8859-1' }
  const cases: readonly [string, string, unknown, Record<string, string>, number, string, RegExp][] = [
    ['GET', '/places/424242', undefined, {}, 404, 'UNKNOWN_PLACE', /no place 424242/],
    ['PATCH', '/places/424242', {}, {}, 404, 'UNKNOWN_PLACE', /no place 424242/],
    ['GET', '/places/abc', undefined, {}, 400, 'INVALID_ID', /positive integer/],
    ['GET', '/places/0', undefined, {}, 400, 'INVALID_ID', /positive integer/],
    ['GET', '/places/1e3', undefined, {}, 400, 'INVALID_ID', /positive integer/],
    ['GET', `/places/${'9'.repeat(200)}`, undefined, {}, 400, 'INVALID_ID', /15 digits/],
    ['GET', '/places/%E0%A4%A', undefined, {}, 400, 'INVALID_URL', /url/],
    ['PUT', '/places/1', '{"name":', {}, 400, 'INVALID_JSON', /not JSON/],
    ['PUT', '/places/1', '', {}, 400, 'BODY_MISSING', /missing/],
    ['PUT', '/places/1', '', text, 400, 'BODY_MISSING', /missing/],
    ['PATCH', '/places/1', '', {}, 400, 'BODY_MISSING', /missing/],
    ['PUT', '/places/1', BERLIN, latin, 415, 'UNSUPPORTED_CHARSET', /utf-8/],
    ['PUT', '/places/1', BERLIN, { 'content-encoding': 'gzip' }, 415, 'UNSUPPORTED_ENCODING', /Content-Encoding/],
    ['GET', `/places/${'9'.repeat(5_000)}`, undefined, {}, 414, 'URL_TOO_LONG', /too long/],
    ['PUT', '/places/1', undefined, {}, 400, 'BODY_MISSING', /missing/],
    ['PUT', '/places/1', '[]', {}, 422, 'INVALID_PLACE', /JSON object/],
    ['PUT', '/places/1', {}, {}, 422, 'INVALID_PLACE', /name .*country .*population .*loc /],
    ['PUT', '/places/1', { ...BERLIN, mayor: 'K' }, {}, 422, 'INVALID_PLACE', /unknown field mayor; allowed: name/],
    ['PUT', '/places/1', { ...BERLIN, id: 2 }, {}, 422, 'INVALID_PLACE', /id in the body must be .* 1/],
    ['PUT', '/places/1', { ...BERLIN, loc: { lat: 91, lon: 0 } }, {}, 422, 'INVALID_PLACE', /-90 to 90/],
    ['PATCH', '/places/1', { population: -1 }, {}, 422, 'INVALID_PLACE', /population must be/],
    ['PATCH', '/places/1', { name: null }, {}, 422, 'INVALID_PLACE', /name must be/],
    ['PATCH', '/places/1', '{"__proto__":{"a":1}}', {}, 422, 'INVALID_PLACE', /unknown field __proto__/],
    ['PATCH', '/places/1', 'null', {}, 422, 'INVALID_PLACE', /JSON object/],
    ['PUT', '/places/1', huge, {}, 413, 'BODY_TOO_LARGE', /65536 bytes/],
    ['PUT', '/places/1', 'hello', text, 415, 'UNSUPPORTED_MEDIA_TYPE', /application\/json/],
    ['PUT', '/places/1', BERLIN, { 'if-match': '12' }, 400, 'INVALID_HEADER', /If-Match: "123"/],
    ['PUT', '/places/1', BERLIN, { 'if-none-match': '"1"' }, 400, 'INVALID_HEADER', /If-None-Match: \*/],
    ['PUT', '/places/1', BERLIN, { 'if-none-match': '*', 'if-match': '*' }, 400, 'INVALID_HEADER', /either/],
    ['GET', '/places/1?verbose=1', undefined, {}, 400, 'UNKNOWN_PARAMETER', /verbose/],
    ['GET', '/places?city=B', undefined, {}, 400, 'UNKNOWN_PARAMETER', /city; allowed: country, limit, after/],
    ['GET', '/places?country=de', undefined, {}, 400, 'INVALID_PARAMETER', /two capital letters/],
    ['GET', '/places?limit=0', undefined, {}, 400, 'INVALID_PARAMETER', /1 to 500/],
    ['GET', '/places?limit=501', undefined, {}, 400, 'INVALID_PARAMETER', /1 to 500/],
    ['GET', '/places?limit=5&limit=6', undefined, {}, 400, 'INVALID_PARAMETER', /limit must be given once/],
    ['GET', '/places?after=x', undefined, {}, 400, 'INVALID_PARAMETER', /after must be/],
    ['GET', '/changes?from=never', undefined, {}, 400, 'INVALID_PARAMETER', /from must be start or now/],
    ['GET', '/stats?x=1', undefined, {}, 400, 'UNKNOWN_PARAMETER', /there are none here/],
    ['POST', '/places/1', 'hello', text, 405, 'METHOD_NOT_ALLOWED', /use GET, HEAD, PUT, PATCH, DELETE/],
    ['DELETE', '/places', undefined, {}, 405, 'METHOD_NOT_ALLOWED', /use GET/],
    ['GET', '/places/99999/explain', undefined, {}, 404, 'UNKNOWN_PLACE', /no place 99999/],
    ['GET', '/places/x/explain', undefined, {}, 400, 'INVALID_ID', /positive integer/],
    ['POST', '/places/1/explain', BERLIN, {}, 405, 'METHOD_NOT_ALLOWED', /use GET/],
    ['PUT', '/changes', BERLIN, {}, 405, 'METHOD_NOT_ALLOWED', /use GET/],
    ['GET', '/', undefined, {}, 404, 'UNKNOWN_PATH', /no \//],
    ['GET', '/places/1/name', undefined, {}, 404, 'UNKNOWN_PATH', /no \/places\/1\/name/],
  ]

  it.each(cases)('%s %s %j %j is %i %s', async (method, path, body, headers, status, code, message) => {
    await create(1)
    const head = await api.store.head()
    const answer = await api.send(method, path, body, headers)
    expect([answer.status, answer.body.error.code]).toEqual([status, code])
    expect(answer.body.error.message).toMatch(message)
    if (status === 405) expect(answer.headers.get('allow')).toContain('GET')
    expect(await api.store.head()).toBe(head)
    expect(api.faults).toEqual([])
  })

  it('a store that is busy is 503 with Retry-After', async () => {
    const { toApiError } = await import('../src/instance/error-answers.ts')
    const { TidemarkError } = await import('tidemark')
    const answer = toApiError(new TidemarkError('BUSY', 'another process writes'))
    expect(answer).toMatchObject({ status: 503, code: 'BUSY', headers: { 'retry-after': '1' } })
  })
})

describe('how it is going', () => {
  it('/healthz says that the store answers', async () => {
    expect((await api.send('GET', '/healthz')).body).toEqual({
      status: 'ok',
      instance: 1,
      head: await api.store.head(),
    })
  })

  it('/stats counts requests, hits, changes and memory', async () => {
    const { body } = await api.send('GET', '/stats')
    expect(body.requests).toBeGreaterThan(10)
    expect(body.statuses['4xx']).toBeGreaterThan(5)
    expect(body.latencyMs.p99).toBeGreaterThanOrEqual(body.latencyMs.p50)
    const ratios = Object.values(body.hitRatio as Record<string, number>)
    expect(ratios.reduce((sum, ratio) => sum + ratio, 0)).toBeCloseTo(1)
    expect(body.heapMb).toBeGreaterThan(1)
    expect(body.front).toBe(null)
    expect(body.stalenessMs).toEqual({ count: 0, p50: 0, p99: 0, max: 0, buckets: [] })
    const head = await api.store.head()
    await expect
      .poll(async () => (await api.send('GET', '/stats')).body.changes)
      .toMatchObject({ position: head, head })
  })
})
