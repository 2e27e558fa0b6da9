import { existsSync, lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { eventually, startRedis } from '@tidemark/testkit'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { create, destroy, exists, open, type OpenOptions } from 'tidemark'
import { tempFile } from './support/temp.ts'

test('konserve lifecycle: create, open, exists, close, destroy', async () => {
  const file = tempFile()
  expect(await exists(file)).toBe(false)
  {
    await using store = await create({ file })
    await store.set('a', 1)
    expect(await exists(file)).toBe(true)
  }
  {
    await using store = await open({ file, mode: 'open' })
    expect(await store.get('a')).toBe(1)
  }
  expect(await destroy({ file })).toBe(true)
  expect(await exists(file)).toBe(false)
  expect(await destroy({ file })).toBe(false)
})

test('destroy by a link to the file removes both', async () => {
  const [file, link] = [tempFile(), tempFile()]
  await using store = await create({ file })
  await store.set('a', 1)
  await store.close()
  symlinkSync(file, link)
  expect(await exists(link)).toBe(true)
  expect(await destroy({ file: link })).toBe(true)
  expect([existsSync(file), lstatSync(link, { throwIfNoEntry: false })]).toEqual([false, undefined])
  await using again = await create({ file })
  expect(await again.get('a')).toBe(undefined)
})

test('create on an existing store, and open on a missing one, are typed errors', async () => {
  const file = tempFile()
  await expect(open({ file, mode: 'open' })).rejects.toMatchObject({ code: 'FILE_MISSING' })
  expect(existsSync(file)).toBe(false)
  await using store = await create({ file })
  await expect(create({ file })).rejects.toMatchObject({ code: 'FILE_EXISTS' })
  expect(await store.set('a', 1)).toMatchObject({ version: 1 })
})

test('create takes no other mode', async () => {
  const file = tempFile()
  await expect(create({ file, mode: 'open' } as never)).rejects.toThrow('create has no option mode')
  expect(existsSync(file)).toBe(false)
})

test('an empty file, as mktemp makes it, holds no store, and create makes it one', async () => {
  const file = tempFile()
  writeFileSync(file, '')
  expect(await exists(file)).toBe(false)
  for (const options of [{ mode: 'open' }, { readOnly: true }] as const) {
    await expect(open({ file, ...options } as OpenOptions)).rejects.toMatchObject({ code: 'FILE_MISSING' })
  }
  expect(readFileSync(file)).toHaveLength(0)
  await using store = await create({ file })
  expect(await exists(file)).toBe(true)
  expect(await store.set('a', 1)).toMatchObject({ version: 1 })
  await expect(create({ file })).rejects.toMatchObject({ code: 'FILE_EXISTS' })
  const text = tempFile()
  writeFileSync(text, 'a letter')
  await expect(create({ file: text })).rejects.toMatchObject({ code: 'FILE_EXISTS' })
  expect(readFileSync(text, 'utf8')).toBe('a letter')
})

test('a mode without a file, an unknown one, and a path that is none', async () => {
  await expect(open({ mode: 'create' })).rejects.toThrow('needs the option file')
  await expect(open({ file: tempFile(), mode: 'replace' as never })).rejects.toThrow('open-or-create')
  await expect(destroy({ file: '' })).rejects.toThrow(TypeError)
  await expect(destroy({ file: tempFile(), force: true } as never)).rejects.toThrow('unknown option force')
})

test('a store that is open is not destroyed', async () => {
  const file = tempFile()
  await using store = await create({ file })
  await expect(destroy({ file, timeoutMs: 0 })).rejects.toMatchObject({ code: 'BUSY' })
  expect(await store.set('a', 1)).toMatchObject({ version: 1 })
})

test('destroy removes both tiers, and in Redis nothing but its own; the successor sees nothing of it', async () => {
  const server = await startRedis()
  onTestFinished(() => server.close())
  const client = new Redis(server.url)
  onTestFinished(() => client.disconnect())
  const [file, other] = [tempFile(), tempFile()]
  {
    await using neighbour = await create({ file: other, redis: server.url })
    await using store = await create({ file, redis: server.url, relay: true })
    for (const each of [neighbour, store]) {
      await eventually('Redis holds the record', async () => {
        await each.set('a', 'old')
        return (await client.keys(`*${each.logId}*:a`)).length === 1
      })
    }
    await store.invalidateTag('t')
    await eventually('the relay has begun', async () => (await client.exists(`tidemark.${store.logId}:{p0}.s`)) === 1)
  }
  await client.set('mine', 1)
  const { logId } = await open({ file, mode: 'open' }).then(async (store) => {
    await store.close()
    return store
  })
  expect(await destroy({ file, redis: server.url })).toBe(true)
  expect(await client.keys(`*${logId}*`)).toEqual([])
  expect(await client.zscore('tidemark:logs', logId)).toBeNull()
  expect(await client.get('mine')).toBe('1')
  await using neighbour = await open({ file: other, mode: 'open', redis: server.url, near: false })
  expect(await neighbour.get('a')).toBe('old')
  expect(await client.keys(`*${neighbour.logId}*:a`)).toHaveLength(1)
  await using successor = await create({ file, redis: server.url, near: false })
  expect(await successor.get('a')).toBeUndefined()
})

test('a Redis that cannot be reached: the store stays as it was', async () => {
  const server = await startRedis()
  const file = tempFile()
  {
    await using store = await create({ file, redis: server.url })
    await store.set('a', 1)
  }
  await server.close()
  await expect(destroy({ file, redis: server.url, timeoutMs: 100 })).rejects.toMatchObject({
    code: 'FRONT_UNAVAILABLE',
  })
  await using store = await open({ file, mode: 'open' })
  expect(await store.get('a')).toBe(1)
})
