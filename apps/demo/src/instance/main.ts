// One instance of the app, as its own process. Started by the fleet, and never outlives it.
import type { FastifyInstance } from 'fastify'
import { type NearOptions, open, openReader, type Tidemark } from 'tidemark'
import { countTotals } from '../places/country-totals.ts'
import { createApp } from './app.ts'
import { faultsOf } from './faults.ts'
import type { InstanceConfig, InstanceMessage, StartMessage, StopMessage, VerifyMessage } from './protocol.ts'
import { createReaderApp } from './reader-app.ts'
import { verifyFront } from './self-check.ts'
import { warmUp } from './warm-up.ts'

/** Longer than any orderly end takes. */
const STOP_WITHIN_MS = 5_000

function tell(message: InstanceMessage): void {
  if (process.connected) process.send?.(message)
}

function report(error: unknown): void {
  console.error(error)
}

/** The others open the file and warm up meanwhile. */
const READER_PATIENCE_MS = 60_000

/** Where nothing shared stands in front of the file, the whole data set has room in the memory of each instance. */
const ROOMY: NearOptions = { maxEntries: 200_000, maxBytes: 256 * 2 ** 20, ttlMs: 3_600_000 }

interface Running {
  /** undefined: of a reader. */
  readonly store: Tidemark | undefined
  close(): Promise<void>
}

async function start(config: InstanceConfig): Promise<Running> {
  const { file, redis } = config
  if (file !== undefined) return startInstance(config, file)
  if (redis === undefined) throw new TypeError('an instance without the file needs Redis')
  return startReader(config, redis)
}

async function startReader({ port }: InstanceConfig, redis: NonNullable<InstanceConfig['redis']>): Promise<Running> {
  const store = await openReader({ redis, patienceMs: READER_PATIENCE_MS, onError: report })
  const closeStore = (): Promise<void> => store.close()
  const app = createReaderApp({ store, onError: report, ...faultsOf(store) })
  return { store: undefined, close: await listen(app, port, closeStore) }
}

async function startInstance({ redis, port, instance }: InstanceConfig, file: string): Promise<Running> {
  const near = redis === undefined ? ROOMY : undefined
  const log = (line: string): void => tell({ type: 'log', line })
  const store = await open({ file, redis, near, relay: redis !== undefined, onError: report, log })
  try {
    if (redis === undefined) await warmUp(store, undefined, ({ done, total }) => tell({ type: 'warming', done, total }))
    const totals = await countTotals(store, faultsOf(store).before)
    const app = createApp({
      store,
      instance,
      hasFront: redis !== undefined,
      onError: report,
      totals,
      ...faultsOf(store),
    })
    return { store, close: await listen(app, port, () => store.close()) }
  } catch (error) {
    await store.close()
    throw error
  }
}

/** @returns what ends both, in order */
async function listen(
  app: FastifyInstance,
  port: number,
  closeStore: () => Promise<void>,
): Promise<() => Promise<void>> {
  await app.listen({ host: '127.0.0.1', port })
  const address = app.server.address()
  tell({ type: 'ready', port: typeof address === 'object' && address !== null ? address.port : port })
  return async () => {
    await app.close()
    await closeStore()
  }
}

let starting: Promise<Running> | undefined
let stopping = false

async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref()
  const running = await starting?.catch(() => undefined)
  await running?.close()
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

async function verify(withinMs: number): Promise<void> {
  const running = await starting?.catch(() => undefined)
  if (running?.store === undefined) return
  const result = await verifyFront(running.store, withinMs, (records) => tell({ type: 'verifying', records }))
  tell({ type: 'verified', result })
}

process.on('message', (message: StartMessage | VerifyMessage | StopMessage) => {
  if (message.type === 'stop') stopNow()
  else if (message.type === 'verify') void verify(message.withinMs)
  else if (!stopping) startNow(message.config)
})
process.on('disconnect', stopNow)
process.on('SIGTERM', stopNow)
process.on('SIGINT', stopNow)
