// One instance of the app, as its own process. Started by the fleet, and never outlives it.
import type { InstanceConfig, InstanceMessage, StartMessage, StopMessage, VerifyMessage } from './protocol.ts'
import { verifyFront } from './self-check.ts'
import { type Running, start } from './start.ts'

/** Longer than any orderly end takes. */
const STOP_WITHIN_MS = 5_000

function tell(message: InstanceMessage): void {
  if (process.connected) process.send?.(message)
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
  starting = start(config, tell)
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
