import { createMemoryBack } from '@tidemark/core'
import { type ConsumerOptions, consume, consumerPositions } from '@tidemark/hooks'
import { expect, it } from 'vitest'
import { jsonLines, type Sink, webhook } from '../src/index.ts'
import { tempFolder } from './support/temp-folder.ts'

const sinks: readonly [name: string, open: () => Promise<Sink>][] = [
  ['jsonLines', async () => jsonLines((await tempFolder()).file('audit.jsonl'))],
  ['webhook', async () => webhook('http://127.0.0.1:1', { secret: `whsec_${'A'.repeat(32)}` })],
]

it.each(sinks)('%s without batches is refused when its consumer begins, and nothing is registered', async (_, open) => {
  const back = createMemoryBack()
  // As who writes no types can.
  const begin = consume as (...all: unknown[]) => ReturnType<typeof consume>
  const options: ConsumerOptions = { from: 'start' }
  await expect(begin(back, 'to-sink', options, await open())).rejects.toThrow(
    new TypeError('a sink takes batches: give the consumer the option batch, say batch: 100'),
  )
  expect(await consumerPositions(back)).toEqual([])
  const consumer = await begin(back, 'to-sink', { ...options, batch: 1 }, await open())
  await consumer.close()
  await back.close()
})
