import type { Flaw } from '../flaws.ts'

/** What a script needs to know beside the server: how keys share fences, and which rule is broken on purpose. */
export interface Rules {
  readonly stripes: number
  /** Whether the highest executed seq is kept, with its mark. */
  readonly keepsHighest: boolean
  readonly flaw: Flaw | undefined
}
