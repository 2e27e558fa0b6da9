import type { CorruptError } from '../errors.ts'
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
  /** How many could not be read: they stay as they are. As long as there are any, no key may be given up. */
  readonly failed: number
  /** What the first of them failed with. */
  readonly errors: readonly CorruptError[]
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
  const errors: CorruptError[] = []
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
