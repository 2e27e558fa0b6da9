import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { check } from '../check/check.ts'
import type { Evidence } from '../check/evidence.ts'
import { Findings } from '../check/findings.ts'
import { nowMicros } from '../clock.ts'
import { Fleet } from '../fleet/fleet.ts'
import { readHistory } from '../history/read-history.ts'
import { keysOf } from '../keys.ts'
import { buildReport, type ChaosReport } from '../report/report.ts'
import { compareTiers } from '../rest/compare.ts'
import { type FrontState, readFront } from '../rest/read-front.ts'
import { readBack } from '../rest/read-log.ts'
import { RedisPair } from '../servers/redis-pair.ts'
import { comeToRest } from './come-to-rest.ts'
import { type ChaosEvents, makeFaults } from './make-faults.ts'
import { AFTERMATH_MS, BOUND_MS, type ChaosSettings } from './settings.ts'

interface Places {
  /** The SQLite file. */
  readonly file: string
  /** Where the workers write their histories. */
  readonly histories: string
}

interface Observed extends Pick<Evidence, 'start' | 'faults'> {
  readonly elapsedMs: number
  readonly isInterrupted: boolean
  readonly front: FrontState
}

/**
 * Runs workers over one file and one Redis, makes faults, lets everything come to rest, and decides whether what was seen
 * may be seen. Everything that it starts has ended when it returns or throws.
 *
 * @throws Error when the run itself could not be made; violations are in the report
 */
export async function runChaos(settings: ChaosSettings, events: ChaosEvents = {}): Promise<ChaosReport> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-chaos-'))
  try {
    const places = { file: join(folder, 'chaos.db'), histories: join(folder, 'history') }
    mkdirSync(places.histories)
    const findings = new Findings()
    const { front, elapsedMs, isInterrupted, ...observed } = await observe(settings, places, findings, events)
    events.onProgress?.('checking', 0)
    const back = await readBack(places.file)
    const history = await readHistory(places.histories)
    const { ack } = settings
    const evidence = { ...observed, log: back.log, history, ack, boundMs: BOUND_MS, aftermathMs: AFTERMATH_MS }
    const figures = check(evidence, findings)
    compareTiers(back, front, Date.now(), findings)
    return buildReport({ settings, evidence, figures, findings, elapsedMs, isInterrupted })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function observe(
  settings: ChaosSettings,
  { file, histories }: Places,
  findings: Findings,
  events: ChaosEvents,
): Promise<Observed> {
  const { workers, seed, keys, ack, sabotage } = settings
  const pair = await RedisPair.start()
  try {
    const fleet = await Fleet.start({
      workers,
      seed,
      file,
      ack,
      sabotage,
      keys: keysOf(keys),
      folder: histories,
      target: () => pair.primary.port,
      onCrash: (how) => findings.add('failedCalls', () => how),
    })
    try {
      const start = nowMicros()
      const faults = await makeFaults(settings, { fleet, pair }, events)
      const elapsedMs = (nowMicros() - start) / 1e3
      // From here on it is as long as it was to be.
      const isInterrupted = events.signal?.aborted === true
      events.onProgress?.('coming to rest', fleet.ops)
      await comeToRest(fleet, file, pair.primary.port, findings)
      const front = await readFront(pair.primary.port)
      await fleet.stop()
      return { start, elapsedMs, isInterrupted, faults, front }
    } finally {
      await fleet.kill()
    }
  } finally {
    await pair.close()
  }
}
