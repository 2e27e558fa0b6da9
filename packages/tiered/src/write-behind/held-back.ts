import { type Back, type Lease, Payload } from '@tidemark/core'
import { type JournalKeys, nameIn } from './journal-keys.ts'
import { marksIn } from './marks-in.ts'

/**
 * A journal could not be recovered when its owner was gone, and others went on without it. When it is recovered at last, it is
 * as if that had happened then: what was written since stays.
 */
export interface HeldBack {
  /** Of the log, then. */
  readonly head: number
  /** The states of the application that were kept then, by name. */
  readonly checkpoints: ReadonlyMap<string, Payload>
}

interface Stored {
  readonly v: 1
  readonly head: number
  readonly names: readonly string[]
}

type Parts = Pick<Back, 'codec' | 'log' | 'marks'>

/** Notes it, unless it is noted. @throws what the back tier fails with: nobody can go on without the journal then */
export async function holdBack(back: Parts, keys: JournalKeys, owner: string, lease: Lease): Promise<void> {
  const key = keys.heldBack(owner)
  const [noted] = await back.marks.read([key])
  if (noted !== undefined) return
  const head = await back.log.head()
  const checkpoints = await marksIn(back, keys.checkpoints)
  const stored: Stored = { v: 1, head, names: checkpoints.map((mark) => nameIn(mark.key)) }
  const value = Payload.bundle(
    back.codec,
    stored,
    checkpoints.map((mark) => mark.value.envelope),
  )
  await back.marks.write([{ key, value }], { lease })
}

/** undefined: it was not held back. */
export async function heldBack(back: Parts, keys: JournalKeys, owner: string): Promise<HeldBack | undefined> {
  const [noted] = await back.marks.read([keys.heldBack(owner)])
  if (noted === undefined) return undefined
  const { head, names } = noted.decode() as Stored
  const states = noted.carried.map((envelope) => Payload.fromEnvelope(back.codec, envelope.slice()))
  return { head, checkpoints: new Map(names.map((name, i) => [name, states[i]!])) }
}
