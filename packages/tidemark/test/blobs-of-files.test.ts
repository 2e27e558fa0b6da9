import { randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream, openAsBlob, readFileSync, writeFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect, onTestFinished, test } from 'vitest'
import { open, type OpenOptions, type WritePolicy } from 'tidemark'
import { tempFile } from './support/temp.ts'

const STORES: readonly (readonly [string, () => OpenOptions, WritePolicy])[] = [
  ['memory', () => ({}), 'write-through'],
  ['sqlite', () => ({ file: tempFile() }), 'write-through'],
  ['sqlite', () => ({ file: tempFile() }), 'write-around'],
  ['sqlite', () => ({ file: tempFile() }), 'write-behind'],
]

test.each(STORES)('5: a blob from a file, and back into one: %s, %o, %s', async (_name, options, writePolicy) => {
  const bytes = randomBytes(1_000_003)
  const [source, target] = [tempFile(), tempFile()]
  writeFileSync(source, bytes)
  const store = await open({ synchronous: 'normal', writePolicy, ...options() })
  onTestFinished(() => store.close())
  await store.blob('whole').write(await openAsBlob(source))
  await store.blob('streamed').write(createReadStream(source))
  for (const key of ['whole', 'streamed']) {
    const stream = (await store.blob(key).read({ start: 17 }))!
    await pipeline(Readable.fromWeb(stream as Parameters<typeof Readable.fromWeb>[0]), createWriteStream(target))
    expect(Buffer.compare(readFileSync(target), bytes.subarray(17))).toBe(0)
  }
})
