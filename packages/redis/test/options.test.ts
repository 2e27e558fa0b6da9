import { describe, expect, test } from 'vitest'
import { connectionOfUrl } from '../src/connection-settings.ts'
import { type RedisFrontOptions, resolveClientOptions, resolveFrontOptions } from '../src/options.ts'
import { codec } from './support/changes.ts'

const base: RedisFrontOptions = { url: 'redis://localhost', codec }

test('what is not given has a default, and nothing can be changed afterwards', () => {
  const resolved = resolveFrontOptions(base)
  expect(resolved).toMatchObject({
    namespace: 'tidemark',
    name: 'redis',
    ttlMs: 3_600_000,
    negativeTtlMs: 10_000,
    jitter: 0.1,
    maxRecordBytes: 1_048_576,
    commandTimeoutMs: 50,
    connectTimeoutMs: 1_000,
    connection: { host: 'localhost', port: 6379, db: 0, tls: false },
  })
  expect(Object.isFrozen(resolved) && Object.isFrozen(resolved.connection)).toBe(true)
})

test('a url says all there is to say about a connection', () => {
  expect(connectionOfUrl('rediss://ada:p%40ss@[::1]:7000/3')).toEqual({
    host: '::1',
    port: 7000,
    username: 'ada',
    password: 'p@ss',
    db: 3,
    tls: true,
  })
})

describe('misuse is refused at once, by name', () => {
  test.each<[what: string, options: object, message: RegExp]>([
    ['no address', { url: undefined }, /either url or connection/],
    ['two addresses', { connection: {} }, /either url or connection/],
    ['another scheme', { url: 'http://localhost' }, /^url must look like redis:/],
    ['a query that would change settings', { url: 'redis://localhost?enableOfflineQueue=true' }, /query/],
    ['a database that is no number', { url: 'redis://localhost/x' }, /database "x"/],
    [
      'a bad port',
      { url: undefined, connection: { port: 70_000 } },
      /connection\.port must be a number from 1 to 65535, not 70000/,
    ],
    [
      'an unknown connection option',
      { url: undefined, connection: { hots: 'x' } },
      /unknown option hots of connection; allowed: host/,
    ],
    ['an unknown option', { ttl: 5 }, /unknown option ttl; allowed: url/],
    ['a namespace that moves the hash tag', { namespace: 'a{b}' }, /namespace is "a\{b\}"/],
    ['a negative lifetime', { ttlMs: -1 }, /ttlMs must be a number from 1 .*, not -1/],
    ['a lifetime that is no number', { negativeTtlMs: Number.NaN }, /negativeTtlMs must be a number .*, not NaN/],
    ['jitter beyond all', { jitter: 1.5 }, /jitter must be a number from 0 to 1, not 1.5/],
    ['records of no bytes', { maxRecordBytes: 0 }, /maxRecordBytes must be a number from 1 /],
    ['a timeout that no timer can count', { commandTimeoutMs: 2 ** 31 }, /commandTimeoutMs/],
    ['a password that is not escaped', { url: 'redis://u:%zz@h' }, /the password in the url has a "%"/],
    ['a user that is not escaped', { url: 'redis://%zz:p@h' }, /the username in the url has a "%"/],
    ['a connection that is none', { url: undefined, connection: [] }, /the options of connection must be an object/],
    ['a database below 0', { url: undefined, connection: { db: -1 } }, /connection\.db must be a whole number/],
    ['a clock that is none', { clock: {} }, /option clock must be an object with the methods now, monotonic/],
    ['a codec that is none', { codec: {} }, /option codec must be an object with the methods encode, decode/],
    ['one codec of several that is none', { codec: [codec, {}] }, /option codec must be/],
    ['a source of randomness that is none', { random: 0.5 }, /option random must be a function/],
    ['no codec', { codec: undefined }, /codec is required/],
    ['where to start, which whoever starts the front says', { head: () => 0 }, /unknown option head/],
  ])('%s', (_what, options, message) => {
    const resolving = (): unknown => resolveFrontOptions({ ...base, ...options } as RedisFrontOptions)
    expect(resolving).toThrow(message)
    expect(resolving).toThrow(expect.toSatisfy((error) => error instanceof TypeError || error instanceof RangeError))
  })

  test('an option of the front, given to what is none', () => {
    expect(() => resolveClientOptions({ url: 'redis://localhost', ttlMs: 1 } as object)).toThrow(/unknown option ttlMs/)
  })
})
