import { type NearOptions, open, openReader, type Tidemark } from 'tidemark'
import type { FastifyInstance } from 'fastify'
import { countTotals } from '../places/country-totals.ts'
import { createWorkerApp } from '../worker/worker-app.ts'
import { Worker } from '../worker/worker.ts'
import { createApp } from './app.ts'
import { faultsOf, workerFaults } from './faults.ts'
import { READER, WORKER } from './name.ts'
import type { InstanceConfig, InstanceMessage } from './protocol.ts'
import { createReaderApp } from './reader-app.ts'
import { warmUp } from './warm-up.ts'

/** One that serves. */
export interface Running {
  /** undefined: it has none that can compare the shared front. */
  readonly store: Tidemark | undefined
  close(): Promise<void>
}

type Tell = (message: InstanceMessage) => void

/** The others open the file and warm up meanwhile. */
const READER_PATIENCE_MS = 60_000

/** Where nothing shared stands in front of the file, the whole data set has room in the memory of each instance. */
const ROOMY: NearOptions = { maxEntries: 200_000, maxBytes: 256 * 2 ** 20, ttlMs: 3_600_000 }

/** Starts what the fleet has this process for; resolves when it serves. */
export function start(config: InstanceConfig, tell: Tell): Promise<Running> {
  if (config.instance === READER) return startReader(config, tell)
  return config.instance === WORKER ? startWorker(config, tell) : startInstance(config, tell)
}

async function startInstance({ file, redis, port, instance }: InstanceConfig, tell: Tell): Promise<Running> {
  const near = redis === undefined ? ROOMY : undefined
  const log = (line: string): void => tell({ type: 'log', line })
  const store = await open({ file, redis, near, relay: redis !== undefined, onError: report, log })
  try {
    if (redis === undefined) await warmUp(store, undefined, ({ done, total }) => tell({ type: 'warming', done, total }))
    const { before, ...faults } = faultsOf(store)
    const totals = await countTotals(store, before)
    const app = createApp({ store, instance, hasFront: redis !== undefined, onError: report, totals, ...faults })
    return { store, close: await listen(app, port, tell, () => store.close()) }
  } catch (error) {
    await store.close()
    throw error
  }
}

async function startReader({ redis, port }: InstanceConfig, tell: Tell): Promise<Running> {
  if (redis === undefined) throw new TypeError('an instance without the file needs Redis')
  const store = await openReader({ redis, patienceMs: READER_PATIENCE_MS, onError: report })
  const { places, changes } = faultsOf(store)
  const app = createReaderApp({ store, onError: report, places, changes })
  return { store: undefined, close: await listen(app, port, tell, () => store.close()) }
}

async function startWorker({ file, auditFile, replicaFile, port }: InstanceConfig, tell: Tell): Promise<Running> {
  const worker = await Worker.start({ file, auditFile, replicaFile, onError: report, ...workerFaults() })
  const app = createWorkerApp(worker, report)
  return { store: undefined, close: await listen(app, port, tell, () => worker.close()) }
}

/** @returns what ends both, in order */
async function listen(
  app: FastifyInstance,
  port: number,
  tell: Tell,
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

function report(error: unknown): void {
  console.error(error)
}
