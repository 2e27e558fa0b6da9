// One worker of a chaos run: opens a store of its own, calls it at random, and writes down what it sees.
import { open, type OpenOptions } from 'tidemark'
import { HistoryWriter } from './history/history-writer.ts'
import { runLane } from './worker/lane.ts'
import type { FromWorker, ToWorker, WorkerConfig } from './worker/protocol.ts'
import { Recorder } from './worker/recorder.ts'
import { sabotageClient, sabotaged } from './worker/sabotage/sabotage.ts'
import { subjectOf } from './worker/subject.ts'

const LANES = 4
const PROGRESS_EVERY_MS = 250

function tell(message: FromWorker): void {
  // The channel may have closed: then nobody is left to be told, and this process ends.
  if (process.connected) process.send!(message, undefined, undefined, () => undefined)
}

async function run(config: WorkerConfig): Promise<void> {
  const { session, seed, history: path, keys, redisUrl } = config
  const drain = new AbortController()
  const history = new HistoryWriter(path)
  sabotageClient()
  const store = await open(optionsOf(config, (error) => recorder.background(error)))
  const subject = sabotaged(subjectOf(store), { redisUrl, keys, seed, signal: drain.signal })
  const recorder = new Recorder(subject, session, history)
  const progress = setInterval(() => tell({ type: 'progress', ops: recorder.ops }), PROGRESS_EVERY_MS)
  const lanes = Array.from({ length: LANES }, (_, i) => runLane(recorder, keys, seed + i, drain.signal))
  tell({ type: 'ready' })

  const commands: Readonly<Record<Exclude<ToWorker['type'], 'start'>, () => Promise<void>>> = {
    async drain() {
      drain.abort()
      await Promise.all(lanes)
      history.flush()
      tell({ type: 'drained' })
    },
    async last() {
      await Promise.all(keys.map((key) => recorder.entry(key, 'last')))
      history.flush()
      tell({ type: 'lastRead' })
    },
    async stop() {
      clearInterval(progress)
      await store.close()
      history.close()
      process.disconnect()
    },
  }
  process.on('message', (message: ToWorker) => {
    if (message.type !== 'start') void commands[message.type]()
  })
}

function optionsOf({ file, redisUrl, near, ack }: WorkerConfig, onError: (error: unknown) => void): OpenOptions {
  return { file, redis: redisUrl, ack, onError, log: false, ...(!near && { near: false }) }
}

// Whatever becomes of the parent, nobody outlives it.
process.once('disconnect', () => process.exit(0))
process.once('message', (message: ToWorker) => {
  if (message.type === 'start') void run(message.config)
})
