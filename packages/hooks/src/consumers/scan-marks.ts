import type { KeyRange, Mark, Marks, StoreKey } from '@tidemark/core'

const MARKS_PER_PAGE = 500

/** The marks of a range in key order, page by page: what is written meanwhile may be met or not. */
export async function* scanMarks(
  marks: Marks,
  range: KeyRange,
  limit: number = MARKS_PER_PAGE,
): AsyncGenerator<Mark, undefined> {
  let after: StoreKey | undefined
  for (;;) {
    const page = await marks.scan(range, { after, limit })
    yield* page
    if (page.length < limit) return
    after = page.at(-1)!.key
  }
}
