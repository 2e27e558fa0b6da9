// A thread that says in shared memory when a message has come: to one whose own event loop stands still meanwhile.
import { workerData } from 'node:worker_threads'
import { Redis } from 'ioredis'

const { url, channel, heard } = workerData as { url: string; channel: string; heard: Int32Array<SharedArrayBuffer> }

const client = new Redis(url)
client.on('message', () => {
  Atomics.add(heard, 0, 1)
  Atomics.notify(heard, 0)
})
await client.subscribe(channel)
Atomics.add(heard, 1, 1)
Atomics.notify(heard, 1)
