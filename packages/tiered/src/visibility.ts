import { afterTurn, type Back, type Clock, CompactedError, type LogChange } from '@tidemark/core'
import { type Observable, Subject } from 'rxjs'

/** Changes per page of the log. */
const PAGE = 500
/** Of more than so many that have to be read for it, only the oldest is told. */
const MAX_READ = 10_000

/** How long after their commit the changes of other processes became visible here. Costs nothing while nobody listens. */
export class Visibility {
  readonly #back: Pick<Back, 'log' | 'origin'>
  readonly #clock: Clock
  readonly #subject = new Subject<number>()
  /** Milliseconds, by the wall clocks of both sides. Hot. */
  readonly lag$: Observable<number> = this.#subject.asObservable()

  constructor(back: Pick<Back, 'log' | 'origin'>, clock: Clock) {
    this.#back = back
    this.#clock = clock
  }

  /** These are visible now. */
  tell(changes: readonly LogChange[]): void {
    if (this.#subject.observed) this.#tell(changes, this.#clock.now())
  }

  /** What the log holds in `after < seq <= to`, less what was compacted, is visible now, unread. Never rejects. */
  async tellUnread(after: number, to: number): Promise<void> {
    if (!this.#subject.observed || to <= after) return
    const now = this.#clock.now()
    try {
      if (to - after > MAX_READ)
        this.#tell((await this.#page(after)).filter((each) => this.#isNews(each)).slice(0, 1), now)
      else await this.#tellPages(after, to, now)
    } catch {
      // Compacted twice, closed, or busy: these are figures, and the log tells its troubles to those who depend on it.
    }
  }

  close(): void {
    this.#subject.complete()
  }

  async #tellPages(after: number, to: number, now: number): Promise<void> {
    for (let at = after; at < to;) {
      const page = await this.#page(at)
      if (page.length === 0) return
      this.#tell(
        page.filter(({ seq }) => seq <= to),
        now,
      )
      at = page.at(-1)!.seq
      await new Promise<void>(afterTurn)
    }
  }

  /** The first ones that can still be read. */
  async #page(after: number): Promise<readonly LogChange[]> {
    const { log } = this.#back
    try {
      return (await log.read({ after, limit: PAGE, values: false })).changes
    } catch (error) {
      if (!(error instanceof CompactedError)) throw error
      return (await log.read({ after: error.floor, limit: PAGE, values: false })).changes
    }
  }

  #tell(changes: readonly LogChange[], now: number): void {
    for (const change of changes) if (this.#isNews(change)) this.#subject.next(Math.max(0, now - change.at))
  }

  #isNews({ origin }: LogChange): boolean {
    return origin !== this.#back.origin
  }
}
