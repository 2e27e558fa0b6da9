import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Case, Contender, Notes } from './case.ts'
import { WorkerLink } from './worker-link.ts'

export interface ContestOptions {
  readonly rounds: number
  readonly roundMs: number
  readonly warmUpMs: number
  readonly quick: boolean
  /** The folder of this case. */
  readonly folder: string
  /** An empty Redis database for the contender with this index. */
  readonly redisUrl: (index: number) => string
  readonly onProgress: (line: string) => void
  /** Told of every process before it does anything, so that none is left behind. */
  readonly onWorker: (worker: WorkerLink) => void
}

/** What one contender did. */
export interface Outcome {
  readonly contender: string
  /** Microseconds per operation, one figure per round; round i of all contenders ran at about the same time. */
  readonly rounds: readonly number[]
  readonly timesPerRound: number
  readonly notes: Notes
  /** Set: there is no result. */
  readonly failure: string | undefined
}

/**
 * Measures all contenders of a case: each in a process of its own, ready before the first round, and then in turn
 * (A B C A B C …), so that whatever else the machine does hits all of them alike.
 */
export async function contest(subject: Case, options: ContestOptions): Promise<readonly Outcome[]> {
  const entrants: Entrant[] = []
  for (const [index, contender] of subject.contenders.entries()) {
    options.onProgress(`${subject.name}: ${contender.name} gets ready`)
    const entrant = new Entrant(contender.name, start(subject, contender, index, options))
    entrants.push(entrant)
    await entrant.attempt(async (worker) => {
      entrant.timesPerRound = (await worker.ready()).times
    })
  }
  const rounds = subject.fixed?.rounds ?? options.rounds
  for (let round = 1; round <= rounds; round++) {
    options.onProgress(`${subject.name}: round ${round} of ${rounds}`)
    for (const entrant of entrants) {
      await entrant.attempt(async (worker) => {
        const { ms, times } = await worker.round()
        entrant.rounds.push((ms * 1000) / times)
      })
    }
  }
  for (const entrant of entrants) {
    await entrant.attempt(async (worker) => {
      entrant.notes = (await worker.finish()).notes
    })
  }
  return entrants.map((entrant) => entrant.outcome())
}

function start(subject: Case, contender: Contender, index: number, options: ContestOptions): WorkerLink {
  const folder = join(options.folder, contender.name)
  mkdirSync(folder, { recursive: true })
  const { fixed } = subject
  const worker = new WorkerLink({
    caseName: subject.name,
    contender: contender.name,
    place: { folder, redisUrl: subject.needsRedis ? options.redisUrl(index) : '', quick: options.quick },
    warmUpMs: options.warmUpMs,
    roundMs: options.roundMs,
    times: options.quick ? fixed?.quickTimes : fixed?.times,
  })
  options.onWorker(worker)
  return worker
}

/** A contender in the running; when it fails once, it is out, and the others go on. */
class Entrant {
  readonly rounds: number[] = []
  timesPerRound = 0
  notes: Notes = {}
  readonly #name: string
  readonly #worker: WorkerLink
  #failure: string | undefined

  constructor(name: string, worker: WorkerLink) {
    this.#name = name
    this.#worker = worker
  }

  async attempt(work: (worker: WorkerLink) => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) return
    try {
      await work(this.#worker)
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error)
      this.#worker.kill()
    }
  }

  outcome(): Outcome {
    const { rounds, timesPerRound, notes } = this
    return { contender: this.#name, rounds, timesPerRound, notes, failure: this.#failure }
  }
}
