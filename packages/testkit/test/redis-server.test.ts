import { spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { startRedis } from '../src/index.ts'
import { answers } from '../src/redis-server/ping.ts'

test('a server answers, hangs, goes on, dies, comes back, and leaves nothing', async () => {
  const server = await startRedis({ persistence: 'aof' })
  const first = server.pid
  expect(await answers(server.port, 1_000)).toBe(true)
  server.stop()
  expect(await answers(server.port, 50)).toBe(false)
  server.cont()
  expect(await answers(server.port, 1_000)).toBe(true)
  await server.kill()
  expect(await answers(server.port, 1_000)).toBe(false)
  await server.restart()
  expect(server.pid).not.toBe(first)
  expect(await answers(server.port, 1_000)).toBe(true)
  expect(existsSync(server.folder)).toBe(true)
  await server.close()
  await server.close()
  expect(existsSync(server.folder)).toBe(false)
})

test('two servers are two, and a password is in the url', async () => {
  await using one = await startRedis()
  await using other = await startRedis({ password: 'a b' })
  expect(one.port).not.toBe(other.port)
  expect(one.url).toBe(`redis://127.0.0.1:${one.port}/0`)
  expect(other.url).toBe(`redis://:a%20b@127.0.0.1:${other.port}/0`)
})

test('a server that does not start says why', async () => {
  await expect(startRedis({ args: ['--no-such-setting', '1'] })).rejects.toThrow(/did not start:[^]*no-such-setting/)
})

test('a server ends with the process that started it, even when that is killed', async () => {
  const source = new URL('../src/redis-server/redis-server.ts', import.meta.url)
  const program = `
    const { startRedis } = await import(${JSON.stringify(source.href)})
    const { port, folder } = await startRedis()
    console.log(JSON.stringify({ port, folder }))
    setInterval(() => {}, 1_000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const line = await new Promise<string>((resolve) =>
    child.stdout.once('data', (data: Buffer) => resolve(data.toString())),
  )
  const { port, folder } = JSON.parse(line) as { port: number; folder: string }
  expect(await answers(port, 1_000)).toBe(true)
  child.kill('SIGKILL')
  await vi.waitUntil(async () => !(await answers(port, 1_000)), 5_000)
  rmSync(folder, { recursive: true })
})
