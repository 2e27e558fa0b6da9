import { chmodSync, copyFileSync, readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ChildProcess, fork } from 'node:child_process'
import { ManualClock } from '@tidemark/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { open, type OpenOptions, type ReadOnlyOptions, type Tidemark } from 'tidemark'
import { tempFile } from './support/temp.ts'

async function openFor(options: OpenOptions | ReadOnlyOptions): Promise<Tidemark> {
  const store = await open(options as OpenOptions)
  onTestFinished(() => store.close())
  return store
}

const READ_ONLY = { code: 'READ_ONLY', message: expect.stringContaining('readOnly: true') }

describe('a store that is opened with readOnly', () => {
  test('reads what others write: values, lists, logs, blobs, changes, history, and what was', async () => {
    const file = tempFile()
    const writer = await openFor({ file })
    const { version } = await writer.set('a', 1)
    await writer.log('l').append('first')
    await writer.blob('b').write(new TextEncoder().encode('bytes'))
    const reader = await openFor({ file, readOnly: true })
    expect(await reader.get('a')).toBe(1)
    await writer.set('a', 2)
    // Acknowledged to somebody else: near memory has to know.
    expect(await reader.get('a')).toBe(2)
    expect(await reader.get('a', { at: version })).toBe(1)
    expect((await Array.fromAsync(reader.keys())).map(([key]) => key)).toEqual(['a', 'b', 'l'])
    expect(await Array.fromAsync(reader.log('l'))).toEqual(['first'])
    expect(new TextDecoder().decode(await reader.blob('b').bytes())).toBe('bytes')
    expect((await Array.fromAsync(reader.history('a'))).map(({ op }) => op)).toEqual(['set', 'set'])
    expect(reader.sync!.get('a')).toBe(2)
    const seen: unknown[] = []
    const following = (async () => {
      for await (const { changes } of reader.changes({ from: 'start' })) {
        for (const change of changes) seen.push(change.key[0])
        if (seen.at(-1) === 'c') return
      }
    })()
    await writer.set('c', 3)
    await following
    expect(seen).toEqual(['a', 'l', 'b', 'a', 'c'])
    expect(await Array.fromAsync(reader.parked('none')).catch(({ code }) => code as string)).toBe('CONSUMER_DROPPED')
  })

  test('refuses every write at once, and stays as it was', async () => {
    const file = tempFile()
    const writer = await openFor({ file })
    await writer.setMany([
      ['a', { n: 1 }],
      ['old', 1],
    ])
    await writer.log('l').append(1)
    await writer.blob('b').write(new Uint8Array(3))
    await writer.close()
    const before = readFileSync(file)
    const errors: unknown[] = []
    const reader = await openFor({ file, readOnly: true, onError: (error) => errors.push(error) })
    let asked = 0
    async function* source(): AsyncGenerator<Uint8Array> {
      asked++
      yield new Uint8Array(1)
    }
    const writes: Record<string, () => Promise<unknown>> = {
      set: () => reader.set('a', 2),
      'set, written behind': () => reader.set('a', 2, { writePolicy: 'write-behind' }),
      'set, written around': () => reader.set('a', 2, { writePolicy: 'write-around' }),
      setMany: () => reader.setMany([['a', 2]]),
      delete: () => reader.delete('a'),
      deleteMany: () => reader.deleteMany(['a']),
      update: () => reader.update('a', () => 2),
      setIn: () => reader.setIn('a', ['n'], 2),
      updateIn: () => reader.updateIn('a', ['n'], () => 2),
      transaction: () => reader.transaction((tx) => tx.set('a', 2)),
      getOrSet: () => reader.getOrSet('absent', () => 2),
      'log.append': () => reader.log('l').append(2),
      'blob.write': () => reader.blob('b').write(source()),
      clear: () => reader.clear(),
      sweep: () => reader.sweep({ before: Date.now() + 60_000 }),
      invalidateTag: () => reader.invalidateTag('t'),
      undo: () => reader.undo(1),
      checkpoint: () => reader.checkpoint({ done: 1 }),
      restored: () => reader.restored(),
      consume: () => reader.consume('mail', {}, () => {}),
    }
    for (const [name, write] of Object.entries(writes)) {
      const error: unknown = await write().then(
        () => 'it wrote',
        (reason: unknown) => reason,
      )
      expect([name, error]).toEqual([name, expect.objectContaining(READ_ONLY)])
    }
    expect(() => reader.sync!.set('a', 2)).toThrow(expect.objectContaining(READ_ONLY) as Error)
    expect(asked).toBe(0)
    expect(await reader.get('a')).toEqual({ n: 1 })
    expect(await reader.getOrSet('a', () => 'not asked')).toEqual({ n: 1 })
    await reader.close()
    expect(errors).toEqual([])
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  test('runs nothing that writes: what has expired is gone, and nobody notes it', async () => {
    const file = tempFile()
    const clock = new ManualClock()
    const writer = await openFor({ file, clock, sweepEveryMs: 0 })
    await writer.set('short', 1, { ttlMs: 10 })
    const errors: unknown[] = []
    const reader = await openFor({ file, readOnly: true, clock, onError: (error) => errors.push(error) })
    clock.advance(120_000)
    await new Promise(setImmediate)
    expect(await reader.get('short')).toBeUndefined()
    // It is not noted: there is one change, and not two.
    expect([await writer.head(), errors]).toEqual([1, []])
  })

  test('flushes nothing of what others have left behind', async () => {
    const [file, copy] = [tempFile(), tempFile()]
    const writer = await openFor({ file, writePolicy: 'write-behind', writeBehind: { maxAgeMs: 3_600_000 } })
    await writer.set('a', 1)
    // As a crash leaves it: acknowledged, journaled, and not flushed.
    for (const suffix of ['', '-wal']) copyFileSync(file + suffix, copy + suffix)
    const clock = new ManualClock(Date.now() + 86_400_000)
    const errors: unknown[] = []
    const reader = await openFor({ file: copy, readOnly: true, clock, onError: (error) => errors.push(error) })
    clock.advance(120_000)
    await new Promise(setImmediate)
    expect([await reader.get('a'), errors]).toEqual([undefined, []])
    await reader.close()
    await using recovering = await open({ file: copy, clock, sweepEveryMs: 0 })
    expect(await recovering.get('a')).toBe(1)
  })

  test('creates nothing, and takes no file that holds no store', async () => {
    const file = tempFile()
    await expect(open({ file, readOnly: true })).rejects.toMatchObject({ code: 'FILE_MISSING' })
    expect(statSync(file, { throwIfNoEntry: false })).toBeUndefined()
  })

  test('takes no option of who writes', async () => {
    const file = tempFile()
    await (await open({ file })).close()
    const of = (option: object): Promise<unknown> => open({ file, readOnly: true, ...option } as ReadOnlyOptions)
    // @ts-expect-error what shortens the log writes
    await expect(open({ file, readOnly: true, compaction: { maxChanges: 1 } })).rejects.toThrow(/^option compaction /)
    // @ts-expect-error there is nothing to write
    await expect(open({ file, readOnly: true, writePolicy: 'write-behind' })).rejects.toThrow(TypeError)
    // @ts-expect-error a store in memory is new
    await expect(open({ readOnly: true })).rejects.toThrow('needs the option file')
    for (const option of [
      { redis: 'redis://127.0.0.1:1' },
      { relay: false },
      { writeBehind: {} },
      { ack: 'bounded' },
      { synchronous: 'full' },
      { sweepEveryMs: 0 },
      { mode: 'create' },
      { readOnly: 'yes' },
    ]) {
      await expect(of(option)).rejects.toThrow(TypeError)
    }
    await using reader = await open({ file, readOnly: true, mode: 'open', near: false, warmOnOpen: true })
    expect(await reader.head()).toBe(0)
  })

  test('needs no write permission: while a writer has the file open, it reads and follows', async () => {
    const file = tempFile()
    const writer = await openFor({ file })
    await writer.set('a', 1)
    locked(file)
    const reader = unprivileged(file)
    expect(await reader.next()).toBe('change 1, a is 1')
    await writer.set('a', 2)
    expect(await reader.next()).toBe('change 2, a is 2')
  })

  test('without one on the folder either, and while no writer has the file open, it says so', async () => {
    const file = tempFile()
    await (await open({ file })).close()
    locked(file)
    expect(await unprivileged(file).next()).toMatch(/^READ_ONLY: .* nobody who may has it open/)
  })
})

/** Nobody may write the file, or in its folder, but root. */
function locked(file: string): void {
  const folder = dirname(file)
  chmodSync(folder, 0o555)
  chmodSync(file, 0o444)
  onTestFinished(() => chmodSync(folder, 0o755))
}

/** A process that may write neither the file nor its folder. */
function unprivileged(file: string): { next(): Promise<unknown> } {
  const child: ChildProcess = fork(fileURLToPath(new URL('./programs/unprivileged-reader.ts', import.meta.url)), [file])
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: unknown[] = []
  let wake = (): void => {}
  child.on('message', (line) => {
    lines.push(line)
    wake()
  })
  child.on('exit', (code, signal) => {
    lines.push(`ended with ${signal ?? code}`)
    wake()
  })
  return {
    async next() {
      while (lines.length === 0) await new Promise<void>((resolve) => (wake = resolve))
      return lines.shift()
    },
  }
}
