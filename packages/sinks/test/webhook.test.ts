import { createMemoryBack, Store } from '@tidemark/core'
import { consume } from '@tidemark/hooks'
import { eventually, ManualClock } from '@tidemark/testkit'
import { describe, expect, it, onTestFinished, test } from 'vitest'
import { DeliveryError, verifySignature, webhook, type WebhookOptions } from '../src/index.ts'
import { changeOf, changesOf, contextOf } from './support/changes.ts'
import { type Answer, ok, startReceiver, status } from './support/receiver.ts'

const secret = 'a secret of enough bytes'
const context = contextOf()
const never: Answer = () => {}

const LOST = new Error('lost')

/** What it rejects with; undefined: it does not. */
function failedWith(delivery: Promise<void>): Promise<unknown> {
  return delivery.then(
    () => undefined,
    (error: unknown) => error,
  )
}

async function failureOf(delivery: Promise<void>): Promise<DeliveryError> {
  const error = await failedWith(delivery)
  expect(error).toBeInstanceOf(DeliveryError)
  return error as DeliveryError
}

describe('a request', () => {
  it('holds the changes of a batch, and can be verified', async () => {
    const receiver = await startReceiver()
    const sink = webhook(receiver.url, { secret, headers: { authorization: 'Bearer x', 'webhook-id': 'mine' } })
    await sink([changeOf(1, 'a', 10n), changeOf(2, 'b')], { ...context, lane: 3, fence: 7 })
    const [{ headers, body }] = receiver.deliveries as [never]
    expect(JSON.parse(body)).toEqual({
      lane: 3,
      fence: 7,
      changes: [
        { id: 'log:1:1', seq: 1, op: 'set', key: ['a'], value: { $bigint: '10' } },
        { id: 'log:1:2', seq: 2, op: 'set', key: ['b'], value: 2 },
      ],
    })
    expect(headers).toMatchObject({ 'content-type': 'application/json', authorization: 'Bearer x' })
    expect(headers['webhook-id']).toMatch(/^log:1:1-2-[0-9a-f]{16}$/)
    expect(headers['idempotency-key']).toBe(headers['webhook-id'])
    expect(await verifySignature(secret, headers, body)).toBe(true)
  })

  it('has the same id when the same batch comes again, and another one for every other batch', async () => {
    const receiver = await startReceiver()
    const clock = new ManualClock()
    const sink = webhook(receiver.url, { secret, clock })
    await sink(changesOf(1, 3), context)
    clock.advance(5_000)
    await sink(changesOf(1, 3), context)
    await sink([changeOf(1), changeOf(3)], context)
    await sink([changeOf(1)], context)
    await sink([], context)
    const headers = receiver.deliveries.map((delivery) => delivery.headers)
    const ids = headers.map((all) => all['webhook-id'])
    expect(ids[0]).toBe(ids[1])
    expect(new Set(ids).size).toBe(3)
    expect(ids[3]).toBe('log:1:1')
    const times = headers.map((all) => Number(all['webhook-timestamp']))
    expect(times[1]).toBe(times[0]! + 5)
  })
})

it('says what is missing when it is handed a change that is no batch', async () => {
  const receiver = await startReceiver()
  const handler = webhook(receiver.url, { secret }) as (change: unknown, given: unknown) => Promise<void>
  await expect(handler(changeOf(1), context)).rejects.toThrow(
    new TypeError('a sink takes batches: give the consumer the option batch, say batch: 100'),
  )
  expect(receiver.deliveries).toEqual([])
})

describe('a signature', () => {
  // From https://github.com/standard-webhooks/standard-webhooks, whose libraries receivers may use.
  const vector = {
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    body: '{"test": 2432232314}',
    headers: {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
  }
  const now = 1_614_265_330_000

  it('is that of Standard Webhooks', async () => {
    expect(await verifySignature(vector.secret, vector.headers, vector.body, { now })).toBe(true)
    expect(await verifySignature(vector.secret, new Headers(vector.headers), vector.body, { now })).toBe(true)
    const upper = Object.fromEntries(Object.entries(vector.headers).map(([name, text]) => [name.toUpperCase(), text]))
    const bytes = new TextEncoder().encode(vector.body)
    expect(await verifySignature(vector.secret, upper, bytes, { now })).toBe(true)
  })

  test.each<[string, Partial<typeof vector.headers>, { body?: string; now?: number; secret?: string }]>([
    ['another body', {}, { body: `${vector.body} ` }],
    ['another id', { 'webhook-id': 'msg_other' }, {}],
    ['another time', { 'webhook-timestamp': '1614265331' }, {}],
    ['no time', { 'webhook-timestamp': 'x' }, {}],
    ['another secret', {}, { secret: 'another secret, as long' }],
    ['an old request', {}, { now: now + 300_001 }],
    ['a request of the future', {}, { now: now - 300_001 }],
    ['another version', { 'webhook-signature': vector.headers['webhook-signature'].replace('v1', 'v2') }, {}],
    ['no base64', { 'webhook-signature': 'v1,***' }, {}],
    ['a part of it', { 'webhook-signature': 'v1,g0hM9SsE' }, {}],
    ['nothing', { 'webhook-signature': '' }, {}],
  ])('does not fit %s', async (_, headers, changed) => {
    const given = { secret: vector.secret, body: vector.body, now, ...changed }
    const result = verifySignature(given.secret, { ...vector.headers, ...headers }, given.body, { now: given.now })
    expect(await result).toBe(false)
  })

  it('is missing', async () => {
    expect(await verifySignature(vector.secret, {}, vector.body, { now })).toBe(false)
  })

  it('fits either secret while one takes the place of another', async () => {
    const receiver = await startReceiver()
    const next = new TextEncoder().encode('the next secret, in bytes')
    await webhook(receiver.url, { secret: [secret, next] })([changeOf(1)], context)
    const { headers, body } = receiver.deliveries[0]!
    expect(await verifySignature(secret, headers, body)).toBe(true)
    expect(await verifySignature(next, headers, body)).toBe(true)
    expect(await verifySignature(['not this one, never', secret], headers, body)).toBe(true)
    expect(await verifySignature('not this one, never', headers, body)).toBe(false)
  })
})

describe('an answer', () => {
  test.each([200, 201, 202, 204])('of %i is success', async (code) => {
    const receiver = await startReceiver(status(code))
    await webhook(receiver.url, { secret })([changeOf(1)], context)
    expect(receiver.deliveries).toHaveLength(1)
  })

  test.each([
    [400, false],
    [401, false],
    [404, false],
    [410, false],
    [413, false],
    [422, false],
    [304, false],
    [408, true],
    [425, true],
    [429, true],
    [500, true],
    [502, true],
    [503, true],
  ])('of %i is none: worth another try: %s', async (code, retryable) => {
    const receiver = await startReceiver(status(code))
    const error = await failureOf(webhook(receiver.url, { secret })([changeOf(1)], context))
    expect(error).toMatchObject({ code: 'DELIVERY_FAILED', status: code, retryable })
    expect(error.message).not.toContain('hidden')
  })

  it('is told, in part', async () => {
    const receiver = await startReceiver(status(422, {}, `no such user ${'x'.repeat(100_000)}`))
    const error = await failureOf(webhook(receiver.url, { secret })([changeOf(1)], context))
    expect(error.message).toMatch(/answered 422: no such user x+$/)
    expect(error.message.length).toBeLessThan(300)
  })

  test.each([301, 302, 307, 308])('of %i is not followed', async (code) => {
    const elsewhere = await startReceiver()
    const receiver = await startReceiver(status(code, { location: elsewhere.url }))
    const error = await failureOf(webhook(receiver.url, { secret })([changeOf(1)], context))
    expect(error).toMatchObject({ status: code, retryable: false })
    expect(error.message).toContain('redirects, which is not followed')
    expect(elsewhere.deliveries).toEqual([])
  })

  it('counts although its body does not end', async () => {
    const receiver = await startReceiver((response) => response.writeHead(200).write('thanks'))
    const clock = new ManualClock()
    let isAnswered = false
    const noting: typeof fetch = async (...all) => {
      const response = await fetch(...all)
      isAnswered = true
      return response
    }
    const options = { secret, clock, timeoutMs: 1_000, fetch: noting }
    const delivery = webhook(receiver.url, options)([changeOf(1)], context)
    await eventually('the beginning of the answer has come', () => isAnswered)
    clock.advance(1_000)
    await delivery
  })
})

describe('no answer', () => {
  it('is waited for as long as was said', async () => {
    const receiver = await startReceiver(never)
    const clock = new ManualClock()
    const delivery = failureOf(webhook(receiver.url, { secret, clock, timeoutMs: 1_000 })([changeOf(1)], context))
    await eventually('it arrived', () => receiver.deliveries.length === 1)
    clock.advance(1_000)
    expect(await delivery).toMatchObject({ retryable: true, status: undefined })
    expect((await delivery).message).toContain('did not answer within 1000 ms')
  })

  it('comes when the connection breaks, or nobody listens', async () => {
    const receiver = await startReceiver((response) => response.destroy())
    const sink = webhook(receiver.url, { secret })
    expect(await failureOf(sink([changeOf(1)], context))).toMatchObject({ retryable: true, status: undefined })
    await receiver.close()
    const refused = await failureOf(sink([changeOf(1)], context))
    expect(refused).toMatchObject({ retryable: true, status: undefined })
    expect(refused.message).toContain('ECONNREFUSED')
  })

  it('is not waited for when the batch was taken from its owner', async () => {
    const receiver = await startReceiver(never)
    const controller = new AbortController()
    const sink = webhook(receiver.url, { secret, clock: new ManualClock() })
    const outcome = failedWith(sink([changeOf(1)], contextOf('log:1', controller.signal)))
    await eventually('it arrived', () => receiver.deliveries.length === 1)
    controller.abort(LOST)
    expect(await outcome).toBe(LOST)
    expect(await failedWith(sink([changeOf(1)], contextOf('log:1', controller.signal)))).toBe(LOST)
    expect(receiver.deliveries).toHaveLength(1)
  })
})

describe('a receiver that wants to be left alone', () => {
  const clockNow = new ManualClock().now()

  test.each([
    [429, '30'],
    [503, new Date(clockNow + 30_000).toUTCString()],
  ])('after a %i gets nothing for as long (%s)', async (code, retryAfter) => {
    const receiver = await startReceiver(status(code, { 'retry-after': retryAfter }), ok)
    const other = await startReceiver()
    const clock = new ManualClock()
    const sink = webhook(receiver.url, { secret, clock })
    const error = await failureOf(sink([changeOf(1)], context))
    expect(error).toMatchObject({ status: code, retryable: true, retryAfterMs: 30_000 })
    const deliveries = Promise.all([sink([changeOf(1)], context), sink([changeOf(2)], context)])
    clock.advance(29_999)
    // Time for the others to be sent, if they were.
    for (let n = 0; n < 3; n++) await webhook(other.url, { secret })([changeOf(1)], context)
    expect(receiver.deliveries).toHaveLength(1)
    // A batch may have come to its wait only now.
    await eventually('both were sent', () => {
      clock.advance(1)
      return receiver.deliveries.length === 3
    })
    await deliveries
  })

  it('keeps nobody who lost the batch', async () => {
    const receiver = await startReceiver(status(429, { 'retry-after': '30' }))
    const other = await startReceiver()
    const sink = webhook(receiver.url, { secret, clock: new ManualClock() })
    await failureOf(sink([changeOf(1)], context))
    const controller = new AbortController()
    const outcome = failedWith(sink([changeOf(1)], contextOf('log:1', controller.signal)))
    // By then it waits.
    await webhook(other.url, { secret })([changeOf(1)], context)
    controller.abort(LOST)
    expect(await outcome).toBe(LOST)
    expect(receiver.deliveries).toHaveLength(1)
  })

  test.each([
    ['999999999', 3_600_000],
    ['soon', undefined],
    [new Date(clockNow - 30_000).toUTCString(), 0],
  ])('is believed within reason (%s)', async (retryAfter, retryAfterMs) => {
    const receiver = await startReceiver(status(503, { 'retry-after': retryAfter }))
    const sink = webhook(receiver.url, { secret, clock: new ManualClock() })
    expect((await failureOf(sink([changeOf(1)], context))).retryAfterMs).toBe(retryAfterMs)
  })
})

it('gets every change from a consumer, in order per key, through failures', async () => {
  const back = createMemoryBack()
  onTestFinished(() => back.close())
  const receiver = await startReceiver(
    status(500),
    ok,
    (response) => response.destroy(),
    status(503, { 'retry-after': '0' }),
    ok,
    // Taken, and the answer lost.
    (response) => response.writeHead(200).destroy(),
    ok,
  )
  const store = new Store(back)
  for (let n = 0; n < 60; n++) await store.set(`k${n % 6}`, n)
  const sink = webhook(receiver.url, { secret })
  const backoff = { minMs: 1, maxMs: 2 }
  const consumer = await consume(back, 'hook', { from: 'start', lanes: 3, batch: 7, backoff, attempts: 10 }, sink)
  onTestFinished(() => consumer.close())
  await eventually('all was delivered', async () => (await consumer.stats()).lag === 0)
  const seen = new Map<string, number[]>()
  for (const { body } of receiver.deliveries) {
    for (const { key, seq } of (JSON.parse(body) as { changes: { key: [string]; seq: number }[] }).changes) {
      const own = seen.get(key[0]) ?? []
      seen.set(key[0], [...own, seq])
    }
  }
  for (const [key, own] of seen) {
    const first = own.filter((seq, i) => own.indexOf(seq) === i)
    expect(first).toEqual(Array.from({ length: 10 }, (_, i) => i * 6 + Number(key.slice(1)) + 1))
  }
  expect(seen.size).toBe(6)
})

test.each<[unknown, unknown, string]>([
  ['ftp://host', { secret }, 'the url of a webhook must begin with https:// or http://'],
  ['nowhere', { secret }, 'the url of a webhook must begin with https:// or http://'],
  ['https://user:word@host', { secret }, 'must not hold a user name or password'],
  ['https://host', {}, 'option secret must have at least 16 bytes'],
  ['https://host', { secret: 'short' }, 'option secret must have at least 16 bytes'],
  ['https://host', { secret: 'whsec_*** no base64 at all ***' }, 'option secret must have at least 16 bytes'],
  ['https://host', { secret: [] }, 'option secret must not be empty'],
  ['https://host', { secret, timeoutMs: 0 }, 'option timeoutMs must be a number from 1'],
  ['https://host', { secret, retries: 3 }, 'unknown option retries of webhook'],
])('refuses %s with %j', (url, options, message) => {
  expect(() => webhook(url as string, options as WebhookOptions)).toThrow(message)
})
