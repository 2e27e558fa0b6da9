// Has nothing to do but to wait for what does not come, and says what came instead.
import { createCborCodec } from '@tidemark/core'
import { createRedisFront, createRedisJournal, dropRedisFront } from '@tidemark/redis'
import { open, openReader } from 'tidemark'

const patienceMs = 200
/** Nobody listens there. */
const redis = 'redis://127.0.0.1:1'

function never(): Promise<never> {
  return new Promise(() => {})
}

const waits: Record<string, () => Promise<unknown>> = {
  async load() {
    const store = await open()
    return store.getOrSet('k', never, { hardTimeoutMs: patienceMs })
  },
  async 'stale load'() {
    const store = await open()
    const options = { ttlMs: 1, graceMs: 1e9, softTimeoutMs: patienceMs, hardTimeoutMs: 1e9 }
    await store.getOrSet('k', () => 'last', options)
    await new Promise((resolve) => setTimeout(resolve, 10))
    return store.getOrSet('k', never, options)
  },
  async close() {
    const store = await open()
    store.hooks.add('stuck', never)
    store.hooks.hookErrors$.subscribe()
    await store.set('k', 1)
    await store.close()
    return 'closed'
  },
  reader: () => openReader({ redis, patienceMs }),
  'reader of a log': () => openReader({ redis, log: 'some', patienceMs }),
  drop: () => dropRedisFront({ url: redis, withinMs: patienceMs }),
  async journal() {
    const journal = createRedisJournal({ url: redis, commandTimeoutMs: patienceMs })
    return journal.append('some', { row: 1, bytes: new Uint8Array(1) })
  },
  async front() {
    const front = createRedisFront({ url: redis, codec: createCborCodec() })
    return front.whenReady(patienceMs)
  },
}

console.log(await waits[process.argv[2]!]!().catch((error: { code?: string }) => error.code ?? error))
