import { CorruptError } from '@tidemark/core'

/** With another key, or another limit, it can be read: then nothing is to be put aside. */
const READABLE: readonly unknown[] = ['KEY_MISSING', 'KEY_WRONG', 'NOT_ENCRYPTED', 'TOO_LARGE']

/** Whether what is stored is damaged, for whoever reads it. */
export function isDamage(error: unknown): boolean {
  return error instanceof CorruptError && !READABLE.includes(error.code)
}
