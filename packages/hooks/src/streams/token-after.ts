import type { LogChange, LogIdentity } from '@tidemark/core'
import { checkOf } from '../check.ts'
import { encodeToken } from '../token.ts'
import { heldPart } from './held-changes.ts'

/** The token of who has taken all of these rows of the log, which is made once for all subscribers of a shared one. */
export function tokenAfter(rows: readonly LogChange[], { id, epoch }: LogIdentity): string {
  const row = rows.at(-1)!
  const tokens = heldPart(rows)?.held.tokens
  const known = tokens?.get(row.seq)
  if (known?.epoch === epoch) return known.token
  const token = encodeToken({ id, epoch, seq: row.seq, check: checkOf(row) })
  tokens?.set(row.seq, { epoch, token })
  return token
}
