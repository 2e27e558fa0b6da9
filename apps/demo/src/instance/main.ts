// One instance of the app, as its own process. Started by the fleet, and never outlives it.
import { type NearOptions, open } from 'tidemark'
import { createApp } from './app.ts'
import { FAULT_VARIABLE, StalePlaces } from './faults.ts'
import type { InstanceConfig, InstanceMessage, StartMessage, StopMessage } from './protocol.ts'
import { warmUp } from './warm-up.ts'

/** Longer than any orderly end takes. */
const STOP_WITHIN_MS = 5_000

function tell(message: InstanceMessage): void {
  if (process.connected) process.send?.(message)
}

function report(error: unknown): void {
  console.error(error)
}

/** Where nothing shared stands in front of the file, the whole data set has room in the memory of each instance. */
const ROOMY: NearOptions = { maxEntries: 200_000, maxBytes: 256 * 2 ** 20, ttlMs: 3_600_000 }

async function start({ file, redis, port, instance }: InstanceConfig): Promise<() => Promise<void>> {
  const store = await open({ file, redis, near: redis === undefined ? ROOMY : undefined, onError: report })
  try {
    if (redis === undefined) await warmUp(store, undefined, ({ done, total }) => tell({ type: 'warming', done, total }))
    const places = process.env[FAULT_VARIABLE] === 'stale' ? new StalePlaces(store) : undefined
    const app = createApp({ store, instance, onError: report, ...(places && { places }) })
    await app.listen({ host: '127.0.0.1', port })
    const address = app.server.address()
    tell({ type: 'ready', port: typeof address === 'object' && address !== null ? address.port : port })
    return async () => {
      await app.close()
      await store.close()
    }
  } catch (error) {
    await store.close()
    throw error
  }
}

let starting: Promise<() => Promise<void>> | undefined
let stopping = false

async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref()
  const close = await starting?.catch(() => undefined)
  await close?.()
  process.exit(0)
}

function stopNow(): void {
  stop().catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
}

function startNow(config: InstanceConfig): void {
  starting = start(config)
  starting.catch((error: unknown) => {
    tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) })
    process.exitCode = 1
    if (process.connected) process.disconnect()
  })
}

process.on('message', (message: StartMessage | StopMessage) => {
  if (message.type === 'stop') stopNow()
  else if (!stopping) startNow(message.config)
})
process.on('disconnect', stopNow)
process.on('SIGTERM', stopNow)
process.on('SIGINT', stopNow)
