import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Decoder } from 'cbor-x'
import { Redis } from 'ioredis'
import type { ChangeBatch, open as Open, openReader as OpenReader } from 'tidemark'
import type { Item } from '../../workload/item.ts'
import { channelOf } from './writer.ts'

/** Gets every item that is written from now on, decoded. @returns ends it, when it has begun */
export type Subscribe = (seen: (item: Item) => void) => Promise<() => Promise<void>>

const POLL_MS = 2

/** A store of Tidemark on the file that another process writes to, as its users open it. */
export const toStore =
  (folder: string, redis?: string): Subscribe =>
  async (seen) => {
    const { open }: { open: typeof Open } = await import('tidemark')
    const store = await open({ file: join(folder, 'store.db'), redis, log: false })
    const stop = await follow((signal) => store.changes<Item>({ bookmarks: true, signal }), seen)
    return async () => {
      await stop()
      await store.close()
    }
  }

/** A process that has no file: it reads the copy of the log in Redis. */
export const toRelay =
  (redis: string): Subscribe =>
  async (seen) => {
    const { openReader }: { openReader: typeof OpenReader } = await import('tidemark')
    const store = await openReader({ redis })
    const stop = await follow((signal) => store.changes<Item>({ bookmarks: true, signal }), seen)
    return async () => {
      await stop()
      await store.close()
    }
  }

async function follow(
  changes: (signal: AbortSignal) => AsyncIterable<ChangeBatch<Item>>,
  seen: (item: Item) => void,
): Promise<() => Promise<void>> {
  const controller = new AbortController()
  const batches = changes(controller.signal)[Symbol.asyncIterator]()
  // The first one says where the stream starts.
  await batches.next()
  const following = (async () => {
    for (;;) {
      const { done, value } = await batches.next()
      if (done) return
      for (const change of value.changes) if (change.op === 'set') seen(change.value)
    }
  })()
  return async () => {
    controller.abort()
    await following
  }
}

/** By hand: reads a log table from where it stood, when Redis says so, or every 2 ms. */
export const toLogTable =
  (folder: string, redis?: string): Subscribe =>
  async (seen) => {
    const db = new Database(join(folder, 'raw.db'), { readonly: true })
    const codec = new Decoder({ useRecords: false })
    const version = db.prepare('PRAGMA data_version').pluck()
    const select = db.prepare('SELECT seq, value FROM log WHERE seq > ? ORDER BY seq').raw()
    let position = db.prepare('SELECT ifnull(max(seq), 0) FROM log').pluck().get() as number
    const read = (): void => {
      for (const [seq, bytes] of select.all(position) as [number, Buffer][]) {
        position = seq
        seen(codec.decode(bytes) as Item)
      }
    }
    let known = version.get()
    const look = (): void => {
      const now = version.get()
      if (now === known) return
      known = now
      read()
    }
    const stop = redis === undefined ? everyPoll(look) : await onMessage(redis, read)
    return async () => {
      stop()
      db.close()
    }
  }

function everyPoll(look: () => void): () => void {
  const timer = setInterval(look, POLL_MS)
  return () => clearInterval(timer)
}

/** The driver: values as messages. */
export const toMessages =
  (redis: string): Subscribe =>
  async (seen) => {
    const stop = await onMessage(redis, (text) => seen(JSON.parse(text) as Item))
    return async () => stop()
  }

async function onMessage(redis: string, heard: (text: string) => void): Promise<() => void> {
  const client = new Redis(redis)
  client.on('message', (_channel: string, text: string) => heard(text))
  await client.subscribe(channelOf(redis))
  return () => client.disconnect()
}

/** The driver: values in a stream, which is read from where it stood. */
export const toStream =
  (redis: string): Subscribe =>
  async (seen) => {
    const client = new Redis(redis)
    const stream = channelOf(redis)
    const newest = await client.xrevrange(stream, '+', '-', 'COUNT', 1)
    let position = newest[0]?.[0] ?? '0-0'
    let isOver = false
    const following = (async () => {
      while (!isOver) {
        const reply = await client.xread('COUNT', 500, 'BLOCK', 0, 'STREAMS', stream, position)
        for (const [id, fields] of reply?.[0]?.[1] ?? []) {
          position = id
          seen(JSON.parse(fields[1]!) as Item)
        }
      }
    })()
    return async () => {
      isOver = true
      client.disconnect()
      // The command that was blocked fails with the connection.
      await following.catch(() => undefined)
    }
  }
