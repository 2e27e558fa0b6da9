import { startRedis } from '@tidemark/testkit'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { RedisProxy } from '../src/races/proxy/redis-proxy.ts'
import { settled, within } from '../src/races/waiting.ts'

const SOON_MS = 100

async function proxied(run: (proxy: RedisProxy, through: Redis, past: Redis) => Promise<void>): Promise<void> {
  await using server = await startRedis()
  const proxy = await RedisProxy.start(server.port)
  const through = new Redis(proxy.url)
  const past = new Redis(server.url)
  through.on('error', () => {})
  try {
    await through.ping()
    await run(proxy, through, past)
  } finally {
    through.disconnect()
    past.disconnect()
    await proxy.close()
  }
}

test('a held command has not reached the server until it is released', () =>
  proxied(async (proxy, through, past) => {
    const hold = proxy.hold('command', 'k-held')
    const setting = through.set('k-held', 'v')
    await hold.caught
    expect(await past.get('k-held')).toBeNull()
    expect(await settled(setting, SOON_MS)).toEqual({ kind: 'pending' })
    hold.release()
    expect(await setting).toBe('OK')
    expect(await past.get('k-held')).toBe('v')
  }))

test('a held reply is of a command that the server has run', () =>
  proxied(async (proxy, through, past) => {
    const hold = proxy.hold('reply', 'k-held')
    const setting = through.set('k-held', 'v')
    await hold.caught
    expect(await past.get('k-held')).toBe('v')
    expect(await settled(setting, SOON_MS)).toEqual({ kind: 'pending' })
    hold.release()
    expect(await setting).toBe('OK')
    expect(await through.set('k-held', 'v2')).toBe('OK')
  }))

test('cut and mended, a client finds its way back', () =>
  proxied(async (proxy, through) => {
    let closes = 0
    through.on('close', () => closes++)
    proxy.cut()
    expect(await within(5_000, () => closes > 0)).toBe(true)
    proxy.mend()
    expect(await through.ping()).toBe('PONG')
  }))
