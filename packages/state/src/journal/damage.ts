import { CorruptError } from '@tidemark/core'

/**
 * Whether what is stored is damaged, for whoever reads it. Whoever cannot read it for another reason, a class that is not
 * registered or a key that is not given, must not put it aside.
 */
export function isDamage(error: unknown): error is CorruptError {
  return error instanceof CorruptError && !error.mayBeWhole
}
