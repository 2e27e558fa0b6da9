import type { Clock } from '../clock.ts'
import type { Codec } from '../codec/codec.ts'
import { ConflictError } from '../errors.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { Commit, Proposal, Write } from '../ports/back.ts'
import type { Entry } from '../ports/entry.ts'
import type { Path } from '../ports/log.ts'
import { readValue } from './entry-view.ts'
import { type UpdateResult, writeResult } from './results.ts'
import {
  checkVersion,
  type ConditionOptions,
  keepingWhatIsNotSaid,
  type SetOptions,
  toSetWrite,
} from './write-options.ts'

/** Writes that are made only when the key is at this version. @throws RangeError for what is no version */
export function conditional(key: StoreKey, expected: number, writes: readonly Write[]): Proposal {
  checkVersion(expected)
  return {
    reads: [key],
    decide([current]) {
      assertVersion(key, expected, current)
      return writes
    },
  }
}

export interface UpdateDecision {
  readonly key: StoreKey
  /** Where inside the value; undefined: all of it. */
  readonly path: Path | undefined
  readonly fn: (old: unknown) => unknown
  readonly options: (SetOptions & ConditionOptions) | undefined
  readonly codec: Codec
  readonly clock: Clock
}

/** An update, to be committed as readers see the entry, and what it has come to then. */
export interface Updating {
  readonly proposal: Proposal
  result(commit: Commit): UpdateResult<unknown>
}

export function updating({ key, path, fn, options, codec, clock }: UpdateDecision): Updating {
  const expected = options?.ifVersion
  if (expected !== undefined) checkVersion(expected)
  let old: Entry | undefined
  return {
    proposal: {
      reads: [key],
      decide([current]) {
        if (expected !== undefined) assertVersion(key, expected, current)
        old = current
        const next = refusePromise(fn(current && readValue(current, 'copy')))
        if (next === undefined) return [{ op: 'delete', key }]
        const write = toSetWrite(codec, clock, key, next, options, path)
        return [current === undefined ? write : keepingWhatIsNotSaid(write, current, options, codec)]
      },
    },
    result: (commit) => ({
      ...writeResult(commit),
      old: old && readValue(old),
      new: commit.changes[0]?.payload?.read(),
    }),
  }
}

/** @throws TypeError for what an async function returns */
export function refusePromise<T>(value: T): T {
  if (!(value instanceof Promise)) return value
  // Nobody will wait for it any more; its failure must not become an unhandled rejection.
  value.catch(() => undefined)
  throw new TypeError('an update function must not be async: it runs inside the write transaction; use transaction()')
}

function assertVersion(key: StoreKey, expected: number, current: Entry | undefined): void {
  const version = current?.version ?? 0
  if (version !== expected) throw new ConflictError(key.id, expected, version)
}
