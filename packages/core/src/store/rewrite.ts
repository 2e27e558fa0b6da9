import type { TidemarkError } from '../errors.ts'
import { assertKnown, wholeBetween } from '../options/checks.ts'
import type { Back } from '../ports/back.ts'
import { RENEWAL_START, type RenewalPlace } from '../ports/renewal.ts'

export interface RewriteOptions {
  /** How many records one transaction looks at; writers wait for one at most. 1..10,000 @default 100 */
  readonly batch?: number | undefined
  /** Ends it after the transaction under way; what was rewritten stays so. */
  readonly signal?: AbortSignal | undefined
}

/** What became of a rewrite. */
export interface RewriteResult {
  /** Entries, changes of the log, and marks. */
  readonly looked: number
  readonly rewritten: number
  /**
   * How many stay as they are, because they cannot be read, or the codec does not write them. As long as there are any, neither a
   * key nor a codec may be given up.
   */
  readonly failed: number
  /** What the first ten of them failed with, each with the key of the record. */
  readonly errors: readonly TidemarkError[]
}

const REWRITE_OPTIONS: readonly (keyof RewriteOptions)[] = ['batch', 'signal']

const KEPT_ERRORS = 10

/** @throws as `Renewal.renew`; the reason of `signal` */
export async function rewriteAll(
  { renewal }: Pick<Back, 'renewal'>,
  options: RewriteOptions = {},
): Promise<RewriteResult> {
  assertKnown(options, REWRITE_OPTIONS, 'rewrite')
  const batch = wholeBetween('option batch', options.batch ?? 100, 1, 10_000)
  let [looked, rewritten, failed] = [0, 0, 0]
  const errors: TidemarkError[] = []
  for (let place: RenewalPlace | undefined = RENEWAL_START; place !== undefined;) {
    options.signal?.throwIfAborted()
    const step = await renewal.renew(place, batch)
    looked += step.looked
    rewritten += step.renewed
    failed += step.failed.length
    errors.push(...step.failed.slice(0, KEPT_ERRORS - errors.length))
    place = step.next
  }
  return { looked, rewritten, failed, errors }
}
