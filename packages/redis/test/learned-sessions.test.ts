import { systemClock } from '@tidemark/core'
import { type RedisServer, startRedis } from '@tidemark/testkit'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { Link } from '../src/link.ts'
import { Sessions } from '../src/sessions.ts'
import { rawClient } from './support/fronts.ts'

let server: RedisServer
let sessions: Sessions
let link: Link
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())
beforeEach(() => {
  sessions = new Sessions()
  link = newLink()
  sessions.follow(link)
  sessions.isUp = true
  sessions.identify(link, 'one')
  sessions.learn(link, 5, 'aaaaaaaa')
})

function newLink(): Link {
  const client = rawClient(server)
  return new Link({ client, tier: 'redis', address: '', clock: systemClock, commandTimeoutMs: 1, onTimeout: () => {} })
}

test('what an earlier command said does not replace what a later one did', () => {
  const { current } = sessions
  sessions.learn(link, 4, 'bbbbbbbb')
  expect(sessions.current).toBe(current)
  sessions.learn(link, 5, undefined)
  expect(sessions.current).toEqual({ server: 'one', epoch: undefined })
})

test('nothing is learned from a link that is not in use', () => {
  const { current } = sessions
  const other = newLink()
  sessions.learn(other, 9, 'bbbbbbbb')
  sessions.identify(other, 'two')
  expect(sessions.current).toBe(current)
  expect([sessions.epochOn(link), sessions.epochOn(other)]).toEqual(['aaaaaaaa', undefined])
})

test('of another link nothing is known until it has said so itself', () => {
  const seen: unknown[] = []
  sessions.on((session) => seen.push(session))
  const next = newLink()
  sessions.follow(next)
  sessions.learn(link, 9, 'bbbbbbbb')
  expect([sessions.current, seen]).toEqual([undefined, [undefined]])
  sessions.identify(next, 'two')
  expect(sessions.current).toEqual({ server: 'two', epoch: undefined })
  sessions.learn(next, 1, 'cccccccc')
  expect(sessions.current).toEqual({ server: 'two', epoch: 'cccccccc' })
})

test('a link in doubt has no session, and afterwards another one', () => {
  const { current } = sessions
  sessions.isUp = false
  expect(sessions.current).toBeUndefined()
  sessions.isUp = true
  expect(sessions.current).toEqual(current)
  expect(sessions.current).not.toBe(current)
})
