import { type Commit, type Proposal, type SetWrite, tagOfKey, type Write } from '@tidemark/core'
import { CommitTurns } from './commit-turns.ts'
import { idsOf } from './concerned.ts'

/** Commits a proposal, which may be refused with what its decision throws. */
export type CommitOrdered = (proposal: Proposal) => Promise<Commit>

/** What waits to be flushed. */
export interface Waiting {
  has(id: string): boolean
  readonly isIdle: boolean
}

/** A proposal was decided on too early: it met writes that wait to be flushed, or an earlier call that waits for those. */
class TooEarly extends Error {
  /** What the proposal writes, and the tags of that. */
  readonly ids: readonly string[]
  /** Some of it waits to be flushed. */
  readonly isMet: boolean

  constructor(ids: readonly string[], isMet: boolean) {
    super()
    this.ids = ids
    this.isMet = isMet
  }
}

/** The commits of a store that buffers writes, each after what it meets of these, and in the order of the calls. */
export class OrderedCommits {
  readonly #buffer: Waiting
  readonly #flushBefore: (ids: readonly string[]) => Promise<void>
  /** What is written meanwhile to what they are about comes after them, and is not buffered. */
  readonly #turns = new CommitTurns()

  /** @param flushBefore flushes what is acknowledged, for a call about these ids */
  constructor(buffer: Waiting, flushBefore: (ids: readonly string[]) => Promise<void>) {
    this.#buffer = buffer
    this.#flushBefore = flushBefore
  }

  /** Whether nothing is under way. */
  get isEmpty(): boolean {
    return this.#turns.isEmpty
  }

  /** Whether a commit under way is about the same. */
  meets(write: SetWrite): boolean {
    return !this.#turns.isEmpty && idsOf([write]).some((id) => this.#turns.has(id))
  }

  /**
   * Commits after everything that it meets in the buffer: acknowledged, or asked for, before the call. What invalidates a tag
   * meets everything, as anything may carry the tag; what is buffered later comes after it, unless it carries the tag: then it is
   * not buffered. So it waits for one flush, whatever else is written meanwhile.
   */
  async commit(proposal: Proposal, commit: CommitOrdered): Promise<Commit> {
    const isBlind = proposal.reads.length === 0
    const writes = isBlind ? proposal.decide([]) : []
    const turn = this.#turns.begin([...proposal.reads.map(({ id }) => id), ...idsOf(writes)])
    let hasMetAll = this.#buffer.isIdle
    const meets = (found: readonly Write[]): boolean =>
      found.some(({ key }) => this.#buffer.has(key.id) || (!hasMetAll && tagOfKey(key) !== undefined))
    const decide: Proposal['decide'] = (current) => {
      const found = proposal.decide(isBlind ? [] : current)
      const ids = idsOf(found)
      const isMet = meets(found)
      const isEarly = isMet || this.#turns.isBehind(turn) || this.#turns.isBehind(turn, ids)
      this.#turns.moved(turn, isEarly ? 'waiting' : 'decided')
      if (isEarly) throw new TooEarly(ids, isMet)
      return found
    }
    try {
      let isMet = [...turn.ids].some((id) => this.#buffer.has(id)) || meets(writes)
      for (;;) {
        // In the calling turn where nothing has to be waited for: what is asked for together is committed in that order.
        if (isMet) {
          await this.#flushBefore([...turn.ids])
          hasMetAll = true
        }
        if (this.#turns.isBehind(turn)) await this.#turns.comes(turn)
        this.#turns.moved(turn, 'proposed')
        // What reads is decided on after what does not, within one transaction, even where it was asked for before.
        const isAmongOthers = writes.length > 0 && this.#turns.mayBeBehind(turn)
        const reads = isAmongOthers ? [writes[0]!.key] : proposal.reads
        try {
          return await commit({ ...proposal, reads, decide })
        } catch (error) {
          if (!(error instanceof TooEarly)) throw error
          this.#turns.extend(turn, error.ids)
          isMet = error.isMet
        }
      }
    } finally {
      this.#turns.end(turn)
    }
  }
}
