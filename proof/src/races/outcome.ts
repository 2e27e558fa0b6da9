/** What a product did in a race. Nothing but a run produces one. */
export type Outcome =
  | { readonly kind: 'holds' }
  /** `words`: what was observed, against what should have been. */
  | { readonly kind: 'fails'; readonly words: string }
  /** The product has no such feature. */
  | { readonly kind: 'n/a'; readonly words: string }
  /** The race itself could not be run: says nothing about the product. */
  | { readonly kind: 'error'; readonly words: string }

export const HOLDS: Outcome = { kind: 'holds' }

export const fails = (words: string): Outcome => ({ kind: 'fails', words })

export const notApplicable = (words: string): Outcome => ({ kind: 'n/a', words })

/** The first that does not hold. */
export function worst(outcomes: readonly Outcome[]): Outcome {
  return outcomes.find(({ kind }) => kind === 'error') ?? outcomes.find(({ kind }) => kind !== 'holds') ?? HOLDS
}

/** As in a sentence: text in quotes, absent as a word. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? typeof value)
}
