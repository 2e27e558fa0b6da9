/** What a checker has to know of the system that it explores. States are immutable. */
export interface System<S> {
  readonly initial: S
  /** Equal for two states exactly if everything that may follow from them is equal. */
  encode(state: S): string
  /** Calls `emit` for each single step that somebody may take now. */
  steps(state: S, emit: Emit<S>): void
  /** What must never hold, and does in this state. */
  violation(state: S): Violation | undefined
}

export type Emit<S> = (label: string, next: S) => void

export interface Violation {
  readonly invariant: string
  readonly detail: string
}

export interface Finding extends Violation {
  /** The labels of the steps that lead there: no other way is shorter. */
  readonly trace: readonly string[]
}

export interface Exploration {
  readonly states: number
  readonly edges: number
  /** Of the search: how many steps the farthest state is away. */
  readonly depth: number
  readonly ms: number
  readonly finding: Finding | undefined
  /** Whether nothing was left to explore; false when it ended at a finding or at the limit. */
  readonly complete: boolean
}

export interface ExploreOptions {
  readonly maxStates?: number | undefined
  readonly onProgress?: ((states: number, depth: number) => void) | undefined
}

/** States between two reports of progress. */
const REPORT_EVERY = 100_000

/** Breadth first, over every state that can be reached: the first violation found is one that takes the fewest steps. */
export function explore<S>(system: System<S>, { maxStates = Infinity, onProgress }: ExploreOptions = {}): Exploration {
  const started = performance.now()
  const { initial } = system
  const first = system.encode(initial)
  const numbers = new Map<string, number>([[first, 0]])
  const codes = [first]
  const parents = [-1]
  let edges = 0
  let depth = 0
  let found: { readonly at: number; readonly violation: Violation } | undefined

  let layer: readonly S[] = [initial]
  // Numbers are given in the order of discovery, so those of a layer follow one another.
  let number = 0
  let next: S[] = []
  const visit: Emit<S> = (_, state) => {
    edges++
    if (found !== undefined) return
    const code = system.encode(state)
    if (numbers.has(code)) return
    const at = codes.length
    numbers.set(code, at)
    codes.push(code)
    parents.push(number)
    next.push(state)
    const violation = system.violation(state)
    if (violation !== undefined) found = { at, violation }
    if (at % REPORT_EVERY === 0) onProgress?.(at, depth + 1)
  }

  const violation = system.violation(initial)
  if (violation !== undefined) found = { at: 0, violation }
  while (layer.length > 0 && found === undefined && codes.length < maxStates) {
    next = []
    for (const state of layer) {
      system.steps(state, visit)
      number++
      if (found !== undefined || codes.length >= maxStates) break
    }
    layer = next
    if (layer.length > 0) depth++
  }
  return {
    states: codes.length,
    edges,
    depth,
    ms: performance.now() - started,
    finding: found && { ...found.violation, trace: traceTo(system, found.at, codes, parents) },
    complete: found === undefined && layer.length === 0,
  }
}

/**
 * Walks the way again that led to a state, to learn what the steps were called: to remember it of every step would take
 * more room than everything else. Processes that are alike share a code when they change places; the way that is walked
 * may be that of their twins.
 */
function traceTo<S>(system: System<S>, at: number, codes: readonly string[], parents: readonly number[]): string[] {
  const way: string[] = []
  for (let number = at; number > 0; number = parents[number]!) way.unshift(codes[number]!)
  const labels: string[] = []
  let state = system.initial
  for (const code of way) {
    let taken: readonly [label: string, next: S] | undefined
    system.steps(state, (label, next) => {
      if (taken === undefined && system.encode(next) === code) taken = [label, next]
    })
    if (taken === undefined) throw new Error('two states with one code can do different things')
    labels.push(taken[0])
    state = taken[1]
  }
  return labels
}
