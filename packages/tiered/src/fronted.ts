import { type Entry, isPart, type LogChange } from '@tidemark/core'

/** What of these fronts are told of, or asked for: all but the parts of logs and blobs, which are read from the back tier alone. */
export function fronted<T extends LogChange | Entry>(each: readonly T[]): readonly T[] {
  // Most often there is none, and nothing to copy.
  return each.some(isOfPart) ? each.filter((one) => !isOfPart(one)) : each
}

function isOfPart({ key }: LogChange | Entry): boolean {
  return isPart(key)
}
