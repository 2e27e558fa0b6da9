/**
 * `waiting`: for a flush of what it comes after, or for an earlier call that waits · `proposed`: to the back tier, which decides
 * on it after what was proposed before · `decided`: as far as the latest attempt to commit goes
 */
type State = 'waiting' | 'proposed' | 'decided'

/** The place of one call among those that are committed after what they meet in the buffer. */
export interface Turn {
  readonly number: number
  /** What it reads, writes or invalidates, as far as that is known. */
  readonly ids: ReadonlySet<string>
}

interface OpenTurn extends Turn {
  readonly ids: Set<string>
  state: State
  onMoved: (() => void)[]
}

/**
 * Keeps the order of calls about the same key where some of them have to wait for a flush before they are committed, and others
 * have not. Proposals to the back tier are decided in their order; so a call only has to stay behind an earlier one that is not
 * proposed yet, or that was refused as it came too early.
 *
 * What a call under way is about is not buffered meanwhile: it would not be kept waiting for ever by writes that come after it.
 */
export class CommitTurns {
  readonly #byId = new Map<string, Set<OpenTurn>>()
  #number = 0
  /** How many wait. Most often none does, and nobody has to be looked for. */
  #waiting = 0

  get isEmpty(): boolean {
    return this.#byId.size === 0
  }

  has(id: string): boolean {
    return this.#byId.has(id)
  }

  /** In the turn of the call. */
  begin(ids: Iterable<string>): Turn {
    const turn: OpenTurn = { number: ++this.#number, ids: new Set(), state: 'waiting', onMoved: [] }
    this.#waiting++
    this.extend(turn, ids)
    return turn
  }

  /** It has turned out to be about these, too. */
  extend(turn: Turn, ids: Iterable<string>): void {
    const open = turn as OpenTurn
    for (const id of ids) {
      open.ids.add(id)
      const turns = this.#byId.get(id)
      if (turns === undefined) this.#byId.set(id, new Set([open]))
      else turns.add(open)
    }
  }

  /** Whether an earlier call about any of these waits. */
  isBehind(turn: Turn, ids: Iterable<string> = turn.ids): boolean {
    return this.#earlierWaiting(turn as OpenTurn, ids) !== undefined
  }

  /** Whether an earlier call about the same may still turn out to have come too early. */
  mayBeBehind(turn: Turn): boolean {
    return this.#earlier(turn, turn.ids, ({ state }) => state !== 'decided') !== undefined
  }

  /** Resolves when no earlier call about the same waits. */
  async comes(turn: Turn): Promise<void> {
    for (;;) {
      const earlier = this.#earlierWaiting(turn as OpenTurn, turn.ids)
      if (earlier === undefined) return
      await new Promise<void>((resolve) => earlier.onMoved.push(resolve))
    }
  }

  /** Right before it is proposed, in the same turn: whoever is told of it proposes after it. */
  moved(turn: Turn, state: State): void {
    const open = turn as OpenTurn
    this.#moved(open, state)
    if (state !== 'waiting') wake(open)
  }

  end(turn: Turn): void {
    const open = turn as OpenTurn
    for (const id of open.ids) {
      const turns = this.#byId.get(id)
      turns?.delete(open)
      if (turns?.size === 0) this.#byId.delete(id)
    }
    open.ids.clear()
    this.#moved(open, 'decided')
    wake(open)
  }

  #moved(turn: OpenTurn, state: State): void {
    this.#waiting += (state === 'waiting' ? 1 : 0) - (turn.state === 'waiting' ? 1 : 0)
    turn.state = state
  }

  #earlierWaiting(turn: OpenTurn, ids: Iterable<string>): OpenTurn | undefined {
    const isAlone = this.#waiting === (turn.state === 'waiting' ? 1 : 0)
    return isAlone ? undefined : this.#earlier(turn, ids, ({ state }) => state === 'waiting')
  }

  #earlier({ number }: Turn, ids: Iterable<string>, is: (turn: OpenTurn) => boolean): OpenTurn | undefined {
    for (const id of ids) for (const turn of this.#byId.get(id) ?? []) if (turn.number < number && is(turn)) return turn
    return undefined
  }
}

function wake(turn: OpenTurn): void {
  const { onMoved } = turn
  turn.onMoved = []
  for (const resolve of onMoved) resolve()
}
