import type { ApplyMode, Fill, FrontOutcome, LogChange, SharedTailStep } from '@tidemark/core'
import { applyBatch, bytesOfChange } from './apply-batch.ts'
import { type Batch, chunksOf } from './batch.ts'
import { isOutOfMemory } from './command-errors.ts'
import { bytesOfFill, fillBatch, type LivingFill } from './fill-batch.ts'
import type { Keyspace } from './keyspace.ts'
import { lifetimeOf } from './lifetime.ts'
import type { Link } from './link.ts'
import type { ResolvedFrontOptions } from './options.ts'
import type { Room } from './room.ts'
import { APPLY, APPLY_WITH_ROOM } from './scripts/apply.ts'
import { FILL } from './scripts/fill.ts'
import type { Script } from './scripts/script.ts'
import { TAIL } from './scripts/tail.ts'
import type { Sessions } from './sessions.ts'
import { runTail } from './tail-batch.ts'

/**
 * Runs the scripts that write records, a part of what is to be written at a time: the next part is sent when this one has
 * been answered. Sent together, the last ones would use up their deadlines waiting for the first ones, and a large batch
 * would look like a dead server.
 */
export class RecordWriter {
  readonly #options: ResolvedFrontOptions
  readonly #keyspace: Keyspace
  readonly #sessions: Sessions
  readonly #room: Room
  #roundTrips = 0

  constructor(options: ResolvedFrontOptions, keyspace: Keyspace, sessions: Sessions, room: Room) {
    this.#options = options
    this.#keyspace = keyspace
    this.#sessions = sessions
    this.#room = room
  }

  get roundTrips(): number {
    return this.#roundTrips
  }

  async apply(link: Link, changes: readonly LogChange[], mode: ApplyMode): Promise<readonly FrontOutcome[]> {
    const outcomes: FrontOutcome[] = []
    const epoch = this.#sessions.epochOn(link)
    for (const chunk of chunksOf(changes, bytesOfChange)) {
      outcomes.push(...(await this.#apply(link, chunk, mode, epoch)))
    }
    return outcomes
  }

  async fill(link: Link, fills: readonly Fill[]): Promise<readonly FrontOutcome[]> {
    const outcomes: FrontOutcome[] = fills.map(() => 'fenced')
    const epoch = this.#sessions.epochOn(link)
    if (epoch === undefined || this.#room.isFull) return outcomes
    const living: LivingFill[] = []
    const positions: number[] = []
    for (const [i, fill] of fills.entries()) {
      const lifetime = lifetimeOf(this.#options, fill.found.entry, fill.found.until)
      if (lifetime === undefined || bytesOfFill(fill) > this.#options.maxRecordBytes) continue
      living.push({ fill, lifetime })
      positions.push(i)
    }
    let at = 0
    for (const chunk of chunksOf(living, ({ fill }) => bytesOfFill(fill))) {
      // What was read to be held in one epoch is nothing for the next one.
      if (this.#sessions.epochOn(link) !== epoch || this.#room.isFull) break
      const sent = await this.#run(link, FILL, fillBatch(chunk, epoch, this.#keyspace))
      for (const outcome of sent) outcomes[positions[at++]!] = outcome
    }
    return outcomes
  }

  async tail(link: Link, step: SharedTailStep): Promise<number | undefined> {
    const epoch = this.#sessions.epochOn(link)
    if (epoch === undefined) return undefined
    const chunks = chunksOf(step.changes, ({ key }) => key.id.length)
    // What is too long for one script is executed in parts, and the watermark moves with the last one.
    for (const chunk of chunks.slice(0, -1)) await this.#apply(link, chunk, 'invalidate', epoch)
    this.#roundTrips++
    const sentAt = link.commands
    const reply = await runTail(link, TAIL, this.#keyspace, epoch, { ...step, changes: chunks.at(-1) ?? [] })
    this.#sessions.learn(link, sentAt, reply.epoch)
    return reply.watermark
  }

  /** @param epoch of when the call began: once it has ended, what the changes replace still goes, and nothing comes. */
  async #apply(
    link: Link,
    changes: readonly LogChange[],
    mode: ApplyMode,
    epoch: string | undefined,
  ): Promise<readonly FrontOutcome[]> {
    const batch = (how: ApplyMode): Batch => {
      const lasting = this.#sessions.epochOn(link) === epoch ? epoch : undefined
      return applyBatch(changes, how, lasting, this.#keyspace, this.#options)
    }
    if (mode === 'install' && !this.#room.isFull) {
      try {
        return await this.#run(link, APPLY_WITH_ROOM, batch('install'))
      } catch (error) {
        if (!isOutOfMemory(error)) throw error
      }
    }
    return this.#run(link, APPLY, batch('invalidate'))
  }

  async #run(link: Link, script: Script, batch: Batch): Promise<readonly FrontOutcome[]> {
    this.#roundTrips++
    const sentAt = link.commands
    try {
      const { epoch, outcomes } = await batch.run(link, script)
      this.#sessions.learn(link, sentAt, epoch)
      // The one script that a full server runs too.
      if (script !== APPLY) this.#room.took()
      return outcomes
    } catch (error) {
      if (isOutOfMemory(error)) this.#room.refused(error)
      throw error
    }
  }
}
