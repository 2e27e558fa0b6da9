/** What the stream had shown of a place before it was asked for. */
export interface Shown {
  readonly id: number
  /** The seq of the last change; 0: none. */
  readonly seq: number
}

/** What came back: version 0 for "nothing is known of it here". */
export interface Seen {
  readonly version: number
  readonly rev: number | undefined
}

/** How many places are remembered of which the stream told lately. */
const LATELY = 512

/** Holds the reads of an instance without the file against what its own stream has shown: they may lag, but not behind that. */
export class ViewCheck {
  readonly #shown = new Map<number, { readonly seq: number; readonly rev: number | undefined }>()
  readonly #lately: number[] = []
  #reads = 0
  #absent = 0
  #stale = 0
  #torn = 0

  get reads(): number {
    return this.#reads
  }

  /** Reads that found nothing: the place does not exist, or Redis does not hold it. */
  get absent(): number {
    return this.#absent
  }

  /** Reads that returned something older than what the stream had shown before. */
  get stale(): number {
    return this.#stale
  }

  /** Reads whose payload is not the one that the stream showed as their version. */
  get torn(): number {
    return this.#torn
  }

  /** One of the places of which the stream told lately: these are worth a look. */
  recent(random: number): number | undefined {
    return this.#lately[Math.floor(random * this.#lately.length)]
  }

  /** The stream told of a change. @param rev undefined: it is gone */
  shown(id: number, seq: number, rev: number | undefined): void {
    this.#shown.set(id, { seq, rev })
    this.#lately.push(id)
    if (this.#lately.length > LATELY) this.#lately.shift()
  }

  /** To be called before the read is sent. */
  expect(id: number): Shown {
    return { id, seq: this.#shown.get(id)?.seq ?? 0 }
  }

  observe({ id, seq }: Shown, seen: Seen): void {
    this.#reads++
    if (seen.version === 0) this.#absent++
    else if (seen.version < seq) this.#stale++
    const known = this.#shown.get(id)
    if (known !== undefined && known.seq === seen.version && known.rev !== seen.rev) this.#torn++
  }
}
