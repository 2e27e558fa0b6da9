/**
 * Fails at the given seqs, as long as they are in the set; keeps what it has handled, and how often it was called
 * with what.
 */
export class Handling {
  readonly poison: Set<number>
  readonly handled: number[] = []
  readonly calls: number[][] = []

  constructor(...poison: number[]) {
    this.poison = new Set(poison)
  }

  readonly one = ({ seq }: { seq: number }): void => this.many([{ seq }])

  readonly many = (changes: readonly { seq: number }[]): void => {
    const seqs = changes.map(({ seq }) => seq)
    this.calls.push(seqs)
    const bad = seqs.find((seq) => this.poison.has(seq))
    if (bad !== undefined) throw new Error(`poison ${bad}`)
    this.handled.push(...seqs)
  }
}
