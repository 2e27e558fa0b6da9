// The writing end of a latency case.
import { serve } from '../companion.ts'
import { machineMicros } from './machine-time.ts'
import { atPace } from './pace.ts'
import type { WriteOrder, Writer, WriterSetup, WriteTimes } from './writer.ts'

async function openWriter(setup: WriterSetup): Promise<Writer> {
  switch (setup.kind) {
    case 'tidemark':
      return (await import('./tidemark-writer.ts')).tidemarkWriter(setup)
    case 'sqlite':
      return (await import('./sqlite-writer.ts')).sqliteWriter(setup)
    case 'redis-publish':
      return (await import('./redis-writers.ts')).publisher(setup.redis)
    case 'redis-stream':
      return (await import('./redis-writers.ts')).appender(setup.redis)
  }
}

serve<WriterSetup, WriteOrder, WriteTimes>(async (setup) => {
  const writer = await openWriter(setup)
  return async (order) => {
    const called: number[] = []
    await atPace(order, (numbers) => {
      for (const _ of numbers) called.push(machineMicros())
      writer.write(numbers)
    })
    return { called, committed: await writer.committed() }
  }
})
