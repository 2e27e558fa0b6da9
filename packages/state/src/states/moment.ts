import { type Codec, Payload, TidemarkError } from '@tidemark/core'
import { type Basis, type Captured, isUnchanged } from './basis.ts'

/** All states at the moment of a call. */
export interface Moment {
  readonly now: number
  readonly states: ReadonlyMap<string, Captured>
  readonly forgotten: ReadonlyMap<string, Basis>
}

/** A value to be saved, compared with what is known by now. */
export interface Candidate {
  readonly payload: Payload
  /** The save that has stored the very same value already, if one has. */
  readonly storedBy: number | undefined
  readonly seen: number | undefined
  /** It was changed by this process. What was not is never written over what others have saved. */
  readonly isOwn: boolean
}

export function judged({ states }: Moment): ReadonlyMap<string, Candidate> {
  const candidates = new Map<string, Candidate>()
  for (const [name, captured] of states) {
    const { payload, basis } = captured
    const isSame = isUnchanged(captured)
    const storedBy = isSame ? basis.storedBy : undefined
    candidates.set(name, { payload, storedBy, seen: basis.seen, isOwn: !isSame || basis.isOld })
  }
  return candidates
}

/** @throws TidemarkError UNENCODABLE; TypeError for undefined, which would be absent */
export function encodeState(codec: Codec, name: string, value: unknown): Payload {
  if (value === undefined) throw new TypeError(`the state ${name} is undefined, which cannot be saved; use null`)
  try {
    return Payload.encode(codec, value)
  } catch (cause) {
    if (!(cause instanceof TidemarkError)) throw cause
    throw new TidemarkError(cause.code, `the state ${name} cannot be saved: ${cause.message}`, { cause })
  }
}
