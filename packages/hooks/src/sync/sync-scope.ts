import { compareBytes, type KeyRange, TidemarkError } from '@tidemark/core'

/** What a sync takes of its source, as far as that can be stored: of functions, only that they were given. */
export interface SyncScope {
  /** The first possible key with the prefix, encoded. */
  readonly prefix: Uint8Array
  /** The options that were given, of those that are functions. */
  readonly functions: readonly string[]
  /** What is stored beside what is copied depends on it. undefined: an older release has noted none. */
  readonly policy?: 'version' | 'lastWriter' | undefined
}

export function scopeOf(
  range: KeyRange,
  functions: Readonly<Record<string, unknown>>,
  policy: SyncScope['policy'],
): SyncScope {
  const given = Object.keys(functions).filter((name) => functions[name] !== undefined)
  return { prefix: range.start, functions: given, policy }
}

/** A sync of some name: what it copies from, and what of it. */
interface Begun {
  /** The log of the source. */
  readonly log: string
  /** undefined: an older release has begun it, which did not note it. */
  readonly scope: SyncScope | undefined
}

/**
 * To go on where another sync stood would leave the target without what that one was not to take, and to begin anew
 * would delete what it has copied: neither is what was asked for.
 * @throws TidemarkError SYNC_MISMATCH
 */
export function assertSameSync(name: string, begun: Begun, asked: Begun): void {
  if (begun.log !== asked.log) {
    throw mismatch(`sync ${name} copies log ${begun.log}, and this source is log ${asked.log}`)
  }
  const differing = begun.scope && asked.scope ? differences(begun.scope, asked.scope) : []
  if (differing.length > 0) throw mismatch(`sync ${name} was begun with another ${differing.join(' and ')}`)
}

function differences(a: SyncScope, b: SyncScope): readonly string[] {
  const functions = new Set(a.functions).symmetricDifference(new Set(b.functions))
  const isOtherPolicy = a.policy !== undefined && b.policy !== undefined && a.policy !== b.policy
  return [
    ...(compareBytes(a.prefix, b.prefix) === 0 ? [] : ['prefix']),
    ...functions,
    ...(isOtherPolicy ? ['conflict.policy'] : []),
  ]
}

function mismatch(what: string): TidemarkError {
  const wayOut = 'what it has copied stays as it is: give this one another name, or drop that one (dropSync) first'
  return new TidemarkError('SYNC_MISMATCH', `${what}; ${wayOut}`)
}
